"""The doors where telemetry comes in, and the one pipeline behind them."""
