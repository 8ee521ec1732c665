#!/usr/bin/env bash
# Finding: kafkajs replaces the committed offset of a group by -1 when the records at that offset have expired. What
# is produced while the group is stopped after that is never delivered.
#
# Parts: kafkajs 2.2.4, Apache Kafka 4.1.1 (one KRaft node). Needs Node 20 or newer, npm, Maven, Java 17 or newer and
# Python 3.
# Input: a group has committed offset 10. Retention has removed everything below 100, here by DeleteRecords. The
# group's consumer runs with default options, is stopped before a new record arrives, and five records are produced
# while it is down. Then it runs again.
# Expected: the five records. The reset position, 100, is what a consumer commits; or the commit stays at 10.
# Observed: on the out-of-range answer kafkajs commits its default offset literally, as -1 ("latest"). To the broker
# and to lag monitoring the group now looks as if it had never committed. The next start begins at the end again and
# skips the five records. With a commit of 100 the same steps deliver all five.
set -euo pipefail

dir=$(mktemp -d)
broker_pid=
trap '[ -z "$broker_pid" ] || kill "$broker_pid" || true; wait; rm -rf "$dir"' EXIT
cd "$dir"

npm install --silent --no-audit --no-fund kafkajs@2.2.4
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

cat > group.mjs <<'EOF'
import { Kafka, logLevel } from 'kafkajs';

const topic = 'commands';
const kafka = new Kafka({ brokers: [`127.0.0.1:${process.argv[2]}`], logLevel: logLevel.NOTHING });
const admin = kafka.admin();
const producer = kafka.producer();
await admin.connect();
await producer.connect();
await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });

const produce = (count) => producer.send({ topic, messages: Array.from({ length: count }, () => ({ value: 'record' })) });
const commit = (groupId, offset) => admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset }] });
const committed = async (groupId) => (await admin.fetchOffsets({ groupId, topics: [topic] }))[0].partitions[0].offset;

/** Runs a consumer with default options through eight fetches, then stops it. Returns how many records it got. */
async function runConsumer(groupId) {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 250 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic] });
  let records = 0;
  let fetches = 0;
  const settled = new Promise((resolve) => {
    consumer.on(consumer.events.FETCH, () => {
      fetches += 1;
      if (fetches === 8) resolve();
    });
  });
  await consumer.run({ eachMessage: async () => { records += 1; } });
  await settled;
  await consumer.disconnect();
  return records;
}

await produce(100);
await commit('expired', '10');
await commit('current', '100');
await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '100' }] });

const observed = { expired: {}, current: {} };
for (const groupId of ['expired', 'current']) {
  await runConsumer(groupId);
  observed[groupId].committed = await committed(groupId);
}
await produce(5);
for (const groupId of ['expired', 'current']) observed[groupId].records = await runConsumer(groupId);
await producer.disconnect();
await admin.disconnect();

console.log('kafkajs 2.2.4, Kafka 4.1.1: five records are produced while the group is stopped');
console.log('expected: both groups get five records');
console.log('observed: group whose offset was in range: ', observed.current);
console.log('observed: group whose offset had expired:  ', observed.expired);
const controlHolds = observed.current.committed === '100' && observed.current.records === 5;
if (!controlHolds || observed.expired.committed !== '-1' || observed.expired.records !== 0) {
  console.log('CHANGED: the group keeps a usable commit, or it gets the records');
  process.exit(1);
}
console.log('STILL SO: the commit became -1, and the five records were skipped');
EOF
timeout 120 node group.mjs "$port"
