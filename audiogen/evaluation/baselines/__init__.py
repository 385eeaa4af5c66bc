"""What the composer is measured against: a folk-rnn and an n-gram, on ABC tokens of the same tunes."""
