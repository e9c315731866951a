"""How far brief training can be trusted: plan, run, judgement."""
