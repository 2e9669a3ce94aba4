"""One file is one report is one pure build(facts) -> Table."""
