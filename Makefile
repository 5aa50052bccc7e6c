.PHONY: run test lint format requirements

run: ## everything on this machine, with demo data; PORT=8123 make run for another port
	@bin/run

test: ## every test; lint, types and import order are among them
	@bin/test

lint:
	@bin/bootstrap dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	GROUPORT_MODE=development .venv/bin/mypy
	.venv/bin/lint-imports

format:
	@bin/bootstrap dev
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

requirements: ## after a change of pyproject.toml; UPGRADE=--upgrade takes newer versions too
	@bin/bootstrap dev
	.venv/bin/python -m pip install --quiet uv
	.venv/bin/python -m uv pip compile --quiet pyproject.toml --universal --generate-hashes \
		--no-header --no-annotate $(UPGRADE) -o requirements/run.txt
	.venv/bin/python -m uv pip compile --quiet pyproject.toml --group dev --universal --generate-hashes \
		--no-header --no-annotate -c requirements/run.txt $(UPGRADE) -o requirements/dev.txt
