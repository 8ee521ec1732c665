#!/usr/bin/env bash
# Finding: with OpenTelemetry's kafkajs instrumentation, a record that is produced with a traceparent header arrives with
# another one. The trace that the record belonged to ends there, and the caller's message object is changed as well.
#
# Parts: @opentelemetry/instrumentation-kafkajs 0.33.0, sdk-trace 3.1.0, kafkajs 2.2.4, Apache Kafka 4.1.1 (one KRaft
# node). Needs npm, Maven, Java 17 or newer and Python 3 (the script brings node 24.21.0 from npm).
# Input: a relay, such as one that empties an outbox or sends dead letters again: it has no active span and produces
# a record whose headers hold the traceparent under which the record was first made.
# Expected: the header that is there is passed on, or the send span continues its trace.
# Observed: the send span is the root of a new trace, and its context replaces the header. Neither the span nor the
# record mentions the first trace any more.
set -euo pipefail

dir=$(mktemp -d)
broker_pid=
trap '[ -z "$broker_pid" ] || kill "$broker_pid" || true; wait; rm -rf "$dir"' EXIT
cd "$dir"

npm install --silent --no-audit --no-fund node@24.21.0 kafkajs@2.2.4 @opentelemetry/api@1.10.0 @opentelemetry/core@3.1.0 \
  @opentelemetry/sdk-trace@3.1.0 @opentelemetry/instrumentation@0.301.0 @opentelemetry/instrumentation-kafkajs@0.33.0
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

cat > relay.cjs <<'EOF'
const { propagation, trace } = require('@opentelemetry/api');
const { W3CTraceContextPropagator } = require('@opentelemetry/core');
const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { KafkaJsInstrumentation } = require('@opentelemetry/instrumentation-kafkajs');
const { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } = require('@opentelemetry/sdk-trace');

const exporter = new InMemorySpanExporter();
const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
trace.setGlobalTracerProvider(tracerProvider);
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
registerInstrumentations({ tracerProvider, instrumentations: [new KafkaJsInstrumentation()] });
const { Kafka, logLevel } = require('kafkajs');

async function main() {
  const topic = 'relayed';
  const traceparent = '00-11111111111111111111111111111111-2222222222222222-01';
  const kafka = new Kafka({ brokers: [`127.0.0.1:${process.argv[2]}`], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
  await admin.disconnect();

  const message = { key: 'user-1', value: 'record', headers: { traceparent } };
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic, messages: [message] });
  await producer.disconnect();
  const [span] = exporter.getFinishedSpans();
  const referred = span ? [span.parentSpanContext, ...span.links.map((link) => link.context)] : [];
  const linked = referred.some((context) => context?.traceId === '1'.repeat(32));

  const consumer = kafka.consumer({ groupId: 'reader' });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const received = await new Promise((resolve) => {
    consumer.run({ eachMessage: async (delivery) => resolve(delivery.message.headers.traceparent.toString()) });
  });
  await consumer.disconnect();

  console.log('instrumentation-kafkajs 0.33.0, a record with a traceparent, produced without an active span');
  console.log('expected: trace id', '1'.repeat(32), 'in the record, or the span refers to it');
  console.log('observed: sent      ', traceparent);
  console.log('observed: received  ', received);
  console.log('observed: the caller\'s object', message.headers.traceparent);
  console.log(`observed: span "${span?.name}" refers to the first trace:`, linked);
  if (received.includes('1'.repeat(32)) || linked) {
    console.log('CHANGED: the first trace is kept or referred to');
    process.exit(1);
  }
  console.log('STILL SO: the record lost its trace');
}
main();
EOF
NODE_NO_WARNINGS=1 timeout 120 node_modules/.bin/node relay.cjs "$port"
