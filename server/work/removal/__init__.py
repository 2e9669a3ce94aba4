"""ACT, for the subject removal: need, plan, orders, engine, proof, holds, findings."""
