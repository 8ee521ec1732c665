#!/usr/bin/env bash
# Finding: register() of @kafkajs/confluent-schema-registry replaces the registry's compatibility rule by BACKWARD for
# each subject that it registers, so a registry set to FULL_TRANSITIVE takes a schema that it refuses otherwise.
#
# Parts: @kafkajs/confluent-schema-registry 4.1.0, Apicurio Registry 2.6.13.Final (its Confluent API, in memory).
# Needs Node 22 or newer (the script brings node 24.21.0 from npm), Maven, Java 17 or newer and Python 3.
# Input: the global level is FULL_TRANSITIVE. A record with two required fields is registered, then one without the
# second field, which readers of the first version cannot read: once by plain HTTP, once by register().
# Expected: both ways the second version is refused, and the client changes no setting that nobody asked it to change.
# Observed: by HTTP the answer is 409. With register() the first call also sets the subject's own level to BACKWARD
# (the default of its compatibility option), which wins over the global level, and the second version gets an id.
set -euo pipefail

dir=$(mktemp -d)
registry_pid=
trap '[ -z "$registry_pid" ] || kill "$registry_pid" || true; wait; rm -rf "$dir"' EXIT
cd "$dir"

npm install --silent --no-audit --no-fund node@24.21.0 @kafkajs/confluent-schema-registry@4.1.0
mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack -Dproject.basedir="$dir" \
  -Dartifact=io.apicurio:apicurio-registry-app:2.6.13.Final:tar.gz:all -DoutputDirectory=registry > maven.log 2>&1 || { cat maven.log; exit 2; }
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
java -Xmx200m -XX:TieredStopAtLevel=1 -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$port" \
  -jar registry/apicurio-registry-app-2.6.13.Final-runner.jar > registry.log 2>&1 &
registry_pid=$!
until (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do
  kill -0 "$registry_pid"
  sleep 0.2
done

cat > register.mjs <<'EOF'
import schemaRegistry from '@kafkajs/confluent-schema-registry';

const { SchemaRegistry, SchemaType } = schemaRegistry;
const host = `http://127.0.0.1:${process.argv[2]}/apis/ccompat/v7`;

async function request(method, path, body) {
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
  const response = await fetch(host + path, { method, headers, body: body && JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}
const record = (fields) => JSON.stringify({ type: 'record', namespace: 'finding', name: 'State', fields });
const user = { name: 'user', type: 'string' };
const both = record([user, { name: 'at', type: 'long' }]);
const fewer = record([user]);

await request('PUT', '/config', { compatibility: 'FULL_TRANSITIVE' });
const global = (await request('GET', '/config')).body.compatibilityLevel;

const first = await request('POST', '/subjects/by-http/versions', { schema: both });
const second = await request('POST', '/subjects/by-http/versions', { schema: fewer });

const client = new SchemaRegistry({ host });
const register = (schema) => client.register({ type: SchemaType.AVRO, schema }, { subject: 'by-client' }).then(
  () => 'registered',
  () => 'refused',
);
const clientFirst = await register(both);
const clientSecond = await register(fewer);
const level = (await request('GET', '/config/by-client')).body.compatibilityLevel;

console.log(`@kafkajs/confluent-schema-registry 4.1.0, Apicurio 2.6.13.Final, global level ${global}`);
console.log('expected: the second version is refused both ways');
console.log(`observed: by HTTP ${first.status}, then ${second.status}`);
console.log(`observed: by register() ${clientFirst}, then ${clientSecond}; the subject's level is ${level}`);
if (global !== 'FULL_TRANSITIVE' || second.status !== 409 || clientSecond !== 'registered' || level !== 'BACKWARD') {
  console.log('CHANGED: register() leaves the registry\'s rule in force');
  process.exit(1);
}
console.log('STILL SO: register() weakened the rule of its subject');
EOF
timeout 120 node_modules/.bin/node register.mjs "$port"
