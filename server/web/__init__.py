"""SHOW: pages for people and answers for programs, deny by default; decides nothing and keeps nothing."""
