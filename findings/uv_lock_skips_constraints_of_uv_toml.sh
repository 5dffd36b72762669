#!/usr/bin/env bash
# Expected: `constraint-dependencies` has the same effect in uv.toml as under [tool.uv] in pyproject.toml.
# What happens: `uv pip compile` reads it from uv.toml, but `uv lock` ignores it there, without a warning, and locks the
# newest version. `uv lock` only reads it from pyproject.toml.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uv==0.13.9
uv=$folder/venv/bin/uv
mkdir "$folder/project"
cd "$folder/project"
cat > pyproject.toml <<'TOML'
[project]
name = "project"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["packaging"]
TOML

locked() {
    "$uv" lock --quiet
    "$folder/venv/bin/python" -c '
import tomllib
lock = tomllib.load(open("uv.lock", "rb"))
print(*(package["version"] for package in lock["package"] if package["name"] == "packaging"))'
    rm uv.lock
}

echo 'constraint-dependencies = ["packaging==24.0"]' > uv.toml
compiled=$("$uv" pip compile --quiet --no-header --no-annotate pyproject.toml)
in_uv_toml=$(locked)
rm uv.toml
printf '\n[tool.uv]\nconstraint-dependencies = ["packaging==24.0"]\n' >> pyproject.toml
in_pyproject=$(locked)

"$uv" --version
echo "uv pip compile, constraint in uv.toml:  $compiled"
echo "uv lock, constraint in uv.toml:         packaging==$in_uv_toml"
echo "uv lock, constraint in pyproject.toml:  packaging==$in_pyproject"
[ "$compiled" = packaging==24.0 ] && [ "$in_uv_toml" != 24.0 ] && [ "$in_pyproject" = 24.0 ]
