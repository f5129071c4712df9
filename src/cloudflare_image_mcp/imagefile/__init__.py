"""Image files without decoding them: formats, headers, completeness, metadata and the bytes behind them."""
