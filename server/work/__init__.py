"""ACT: one function per thing that a person, a clock, a case system or a vendor sets off."""
