"""Language models: prompts to answers, each answer paid for once."""
