"""View models: what pages show and the API returns, made in one place for both."""
