"""What maps, pairs and variants share: settings, mutations and blocks of sequences."""
