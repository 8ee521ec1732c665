#!/usr/bin/env bash
# Finding: the default partitioner of @platformatic/kafka agrees with Java's for each key on 8 partitions and
# disagrees for half of the keys on 12, so records of one key land on two partitions and lose their order.
#
# Parts: @platformatic/kafka 2.12.1, kafkajs 2.2.4, kafka-clients 4.1.1 and Apache Kafka 4.1.1 (one KRaft node).
# Needs npm, Maven, Java 17 or newer and Python 3 (the script brings node 24.21.0 from npm).
# Input: 1,000 text keys, produced by both Node clients with default options to topics of 8 and of 12 partitions. Java's
# partition for each key comes from kafka-clients' BuiltInPartitioner.
# Expected: all three take murmur2 of the key, so that each key has one partition, whatever the number of partitions.
# Observed: on 8 partitions all agree, so a test on 8 shows nothing. On 12 kafkajs agrees with Java, and
# @platformatic/kafka does not: it makes the hash unsigned where Java clears the sign bit, and these are the same only
# modulo a power of two. The package exports compatibilityPartitioner for this case; it is not the default.
set -euo pipefail

dir=$(mktemp -d)
broker_pid=
trap '[ -z "$broker_pid" ] || kill "$broker_pid" || true; wait; rm -rf "$dir"' EXIT
cd "$dir"

npm install --silent --no-audit --no-fund node@24.21.0 @platformatic/kafka@2.12.1 kafkajs@2.2.4
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

cat > JavaPartitions.java <<'EOF'
import java.nio.charset.StandardCharsets;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;

class JavaPartitions {
  public static void main(String[] args) {
    for (int i = 0; i < 1000; i++) {
      String key = "user-" + i;
      byte[] bytes = key.getBytes(StandardCharsets.UTF_8);
      System.out.println(key + " " + BuiltInPartitioner.partitionForKey(bytes, 8) + " " + BuiltInPartitioner.partitionForKey(bytes, 12));
    }
  }
}
EOF
java -cp 'lib/*' JavaPartitions.java > java.txt 2> java.log

cat > partitions.mjs <<'EOF'
import { readFileSync } from 'node:fs';
import { Producer, stringSerializers } from '@platformatic/kafka';
import { Kafka, logLevel } from 'kafkajs';

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const broker = `127.0.0.1:${process.argv[2]}`;
const sizes = [8, 12];
const java = new Map();
for (const line of readFileSync('java.txt', 'utf8').trim().split('\n')) {
  const [key, ...partitions] = line.split(' ');
  java.set(key, partitions.map(Number));
}

const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
const admin = kafka.admin();
await admin.connect();
await admin.createTopics({ topics: sizes.map((n) => ({ topic: `on-${n}`, numPartitions: n })), waitForLeaders: true });
await admin.disconnect();

const kafkajs = kafka.producer();
const platformatic = new Producer({ clientId: 'finding', bootstrapBrokers: [broker], serializers: stringSerializers });
await kafkajs.connect();
for (const topic of sizes.map((n) => `on-${n}`)) {
  await kafkajs.send({ topic, messages: [...java.keys()].map((key) => ({ key, value: 'kafkajs' })) });
  await platformatic.send({ messages: [...java.keys()].map((key) => ({ topic, key, value: 'platformatic' })) });
}
await kafkajs.disconnect();
await platformatic.close();

const differ = { kafkajs: { 8: 0, 12: 0 }, platformatic: { 8: 0, 12: 0 } };
const consumer = kafka.consumer({ groupId: 'readers' });
await consumer.connect();
await consumer.subscribe({ topics: sizes.map((n) => `on-${n}`), fromBeginning: true });
let unread = java.size * 4;
await new Promise((resolve) => {
  consumer.run({
    eachMessage: async ({ topic, partition, message }) => {
      const size = Number(topic.slice(3));
      const expected = java.get(message.key.toString())[sizes.indexOf(size)];
      if (partition !== expected) differ[message.value.toString()][size] += 1;
      unread -= 1;
      if (unread === 0) resolve();
    },
  });
});
await consumer.disconnect();

console.log('@platformatic/kafka 2.12.1, kafkajs 2.2.4, kafka-clients 4.1.1: 1,000 keys on 8 and on 12 partitions');
console.log('expected: no key on another partition than Java gives it');
console.log('observed, keys on another partition:', differ);
const { kafkajs: control, platformatic: found } = differ;
if (control[8] + control[12] + found[8] !== 0 || found[12] === 0) {
  console.log('CHANGED: the clients agree on 12 partitions, or they differ on 8 too');
  process.exit(1);
}
console.log('STILL SO: @platformatic/kafka differs on 12 partitions alone');
EOF
NODE_NO_WARNINGS=1 timeout 120 node_modules/.bin/node partitions.mjs "$port"
