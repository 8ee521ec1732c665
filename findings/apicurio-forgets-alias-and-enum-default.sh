#!/usr/bin/env bash
# Finding: told to ignore formatting by its canonical-hash setting, Apicurio Registry answers 200 to a schema that adds
# an alias or an enum default, gives the id of the old schema, and stores nothing.
#
# Parts: Apicurio Registry 2.6.13.Final (its Confluent API, in memory), with registry.ccompat.use-canonical-hash=true.
# Needs Node 20 or newer, Maven, Java 17 or newer and Python 3.
# Input: an Avro record; the same with other whitespace; the same with an alias on a field; the same with a default
# symbol for its enum. Alias and symbol default are what schema resolution reads in order to evolve a field's name and
# an enum's symbols.
# Expected: whitespace alone gives the old id, which the setting is for. The other two are new versions.
# Observed: all four are one version with one id. A producer that registers its schema and a consumer that fetches it
# by that id resolve by different schemas, and neither is told.
set -euo pipefail

dir=$(mktemp -d)
registry_pid=
trap '[ -z "$registry_pid" ] || kill "$registry_pid" || true; wait; rm -rf "$dir"' EXIT
cd "$dir"

mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack -Dproject.basedir="$dir" \
  -Dartifact=io.apicurio:apicurio-registry-app:2.6.13.Final:tar.gz:all -DoutputDirectory=registry > maven.log 2>&1 || { cat maven.log; exit 2; }
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
java -Xmx200m -XX:TieredStopAtLevel=1 -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$port" \
  -Dregistry.ccompat.use-canonical-hash=true -jar registry/apicurio-registry-app-2.6.13.Final-runner.jar > registry.log 2>&1 &
registry_pid=$!
until (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do
  kill -0 "$registry_pid"
  sleep 0.2
done

cat > register.mjs <<'EOF'
const api = `http://127.0.0.1:${process.argv[2]}/apis/ccompat/v7`;

async function request(path, body) {
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
  const response = await fetch(api + path, body && { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}
const record = (field, state) => ({
  type: 'record',
  namespace: 'finding',
  name: 'Connection',
  fields: [{ name: 'state', ...field, type: { type: 'enum', name: 'State', symbols: ['OTHER', 'ACTIVE'], ...state } }],
});
const schemas = {
  original: JSON.stringify(record({}, {})),
  whitespace: JSON.stringify(record({}, {}), null, 2),
  alias: JSON.stringify(record({ aliases: ['status'] }, {})),
  enumDefault: JSON.stringify(record({}, { default: 'OTHER' })),
};

const answers = {};
for (const [name, schema] of Object.entries(schemas)) {
  const { status, body } = await request('/subjects/connection/versions', { schema });
  answers[name] = { status, id: body.id };
}
const { body: versions } = await request('/subjects/connection/versions');
const { body: stored } = await request(`/schemas/ids/${answers.alias.id}`);
const keepsAlias = stored.schema.includes('aliases');

console.log('Apicurio Registry 2.6.13.Final with registry.ccompat.use-canonical-hash=true');
console.log('expected: original and whitespace share an id, alias and enumDefault have their own');
console.log('observed:', answers, 'versions', versions);
console.log('observed: the schema of the id given for the alias has the alias:', keepsAlias);
const ids = new Set(Object.values(answers).map(({ id }) => id));
const allTaken = Object.values(answers).every(({ status }) => status === 200);
if (!allTaken || ids.size !== 1 || versions.length !== 1 || keepsAlias) {
  console.log('CHANGED: the alias or the enum default is refused, or it has an id of its own');
  process.exit(1);
}
console.log('STILL SO: alias and enum default were answered with the old id and are stored nowhere');
EOF
timeout 120 node register.mjs "$port"
