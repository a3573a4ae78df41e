#!/usr/bin/env bash
# A real Apache Kafka 4.4 to compare with: one combined KRaft node on loopback, default settings.
#
#   kafka.sh start DIR PORT [key=value ...]   start in the background; returns when the port answers
#   kafka.sh stop DIR                         SIGTERM, wait
#   kafka.sh run DIR PORT [key=value ...]     run in the foreground (what broker.py supervises)
#   kafka.sh jars                             fetch the jars if need be, print their folder
#
# PORT + 1 is the controller's. Needs Java 17 and Maven. KAFKA_HEAP is the heap, 1G by default.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
jars=${CARGO_TARGET_DIR:-$root/target}/compat/kafka/jars

fetch_jars() {
  cmp -s "$here/pom.xml" "$jars/pom.xml.fetched" && return
  rm -rf "$jars" && mkdir -p "$jars"
  mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies \
    -DoutputDirectory="$jars" -DincludeScope=runtime >&2
  cp "$here/pom.xml" "$jars/pom.xml.fetched"
}

write_config() { # DIR PORT [key=value ...]
  local dir=$1 port=$2
  shift 2
  cat >"$dir/server.properties" <<P
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:$((port + 1))
log.dirs=$dir/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
P
  printf '%s\n' "$@" >>"$dir/server.properties"
  cat >"$dir/log4j2.xml" <<'X'
<Configuration status="ERROR">
  <Appenders><Console name="out"><PatternLayout pattern="%d %p %c{1} %m%n"/></Console></Appenders>
  <Loggers><Root level="warn"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
X
}

run() { # DIR PORT [key=value ...]
  mkdir -p "$1"
  local dir
  dir=$(cd "$1" && pwd)
  fetch_jars
  write_config "$dir" "${@:2}"
  # The star in the class path is for java to expand, not for the shell.
  local java=(java "-Dlog4j2.configurationFile=$dir/log4j2.xml" -cp "$jars/*")
  if [ ! -e "$dir/data/meta.properties" ]; then
    "${java[@]}" kafka.tools.StorageTool format --standalone -c "$dir/server.properties" \
      -t "$("${java[@]}" kafka.tools.StorageTool random-uuid)" >"$dir/format.log" 2>&1
  fi
  local heap=${KAFKA_HEAP:-1G}
  exec "${java[@]}" -server "-Xms$heap" "-Xmx$heap" -XX:+UseG1GC kafka.Kafka "$dir/server.properties"
}

case ${1:-} in
start) shift && exec python3 "$here/../broker.py" start kafka "$@" ;;
stop) exec python3 "$here/../broker.py" stop "$2" ;;
run) shift && run "$@" ;;
jars) fetch_jars && echo "$jars" ;;
*) sed -n '2,10s/^# \?//p' "$0" && exit 2 ;;
esac
