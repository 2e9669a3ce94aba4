"""Tests of the pages: a town with five workers, its site, and people who sign in to it."""
