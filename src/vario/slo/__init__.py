"""Service level objectives, pure: specs in, expressions and judgements out."""
