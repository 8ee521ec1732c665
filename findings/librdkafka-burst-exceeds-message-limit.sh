#!/usr/bin/env bash
# Finding: a burst of 100 small records is refused whole by a topic that takes each of them alone. max.message.bytes
# limits the batch, and librdkafka neither learns the limit nor splits the batch.
#
# Parts: confluent-kafka 2.16.0 (librdkafka), Apache Kafka 4.1.1 (one KRaft node). Needs Python 3, Maven and Java 17
# or newer.
# Input: a topic with max.message.bytes=262144 and records of 3,000 bytes, sent one by one and as a burst of 100.
# Expected: all are stored. Each record is about a hundredth of the limit, and the producer keeps to the topic's limit
# or splits a batch that is refused.
# Observed: sent one by one, all are stored. In a burst the producer packs batches up to its own batch.size of
# 1,000,000 bytes. The broker refuses the batch, and each of its records fails with MSG_SIZE_TOO_LARGE.
# With batch.size=200000 the same burst is stored.
set -euo pipefail

dir=$(mktemp -d)
broker_pid=
trap '[ -z "$broker_pid" ] || kill "$broker_pid" || true; wait; rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check confluent-kafka==2.16.0
cat > pom.xml <<'EOF'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId>
  <artifactId>broker</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>4.1.1</version>
    </dependency>
  </dependencies>
</project>
EOF
mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies -DoutputDirectory=lib > maven.log 2>&1 || { cat maven.log; exit 2; }
read -r port controller_port < <(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in sockets))')
cat > server.properties <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$controller_port
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$dir/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
EOF
java -cp 'lib/*' kafka.tools.StorageTool format --standalone -t 4L6g3nShT-eMCtK--X86sw -c server.properties > format.log 2>&1
java -Xmx400m -XX:TieredStopAtLevel=1 -cp 'lib/*' kafka.Kafka server.properties > broker.log 2>&1 &
broker_pid=$!
until (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do
  kill -0 "$broker_pid"
  sleep 0.2
done

cat > burst.py <<'EOF'
import sys
from collections import Counter

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

TOPIC, RECORDS, SIZE = "commands", 100, 3000
broker = {"bootstrap.servers": f"127.0.0.1:{sys.argv[1]}"}
topic = NewTopic(TOPIC, 1, 1, config={"max.message.bytes": "262144"})
admin = AdminClient(broker)
admin.create_topics([topic])[TOPIC].result()


def outcomes(one_by_one=False, **settings):
    """Sends the records and returns how many had which delivery report."""
    counted = Counter()
    producer = Producer({**broker, **settings})
    for _ in range(RECORDS):
        producer.produce(TOPIC, b"x" * SIZE, on_delivery=lambda error, _: counted.update([error.name() if error else "stored"]))
        if one_by_one:
            producer.flush(60)
    producer.flush(60)
    return dict(counted)


alone = outcomes(one_by_one=True)
burst = outcomes()
smaller_batches = outcomes(**{"batch.size": 200000})
print(f"confluent-kafka 2.16.0, Kafka 4.1.1: {RECORDS} records of {SIZE} bytes, max.message.bytes=262144")
print("expected: all stored in each case")
print("observed: one by one               ", alone)
print("observed: burst                    ", burst)
print("observed: burst, batch.size=200000 ", smaller_batches)
if alone != {"stored": RECORDS} or burst.get("MSG_SIZE_TOO_LARGE", 0) < RECORDS / 2:
    print("CHANGED: most of the burst is stored, or it fails in another way")
    sys.exit(1)
print("STILL SO: the burst was refused although each record is small enough")
EOF
timeout 120 venv/bin/python burst.py "$port"
