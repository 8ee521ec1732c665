#!/usr/bin/env bash
# Finding: setting enableExemplars on a prom-client counter makes the usual call inc(labels, 5) count 1, without
# labels. The call neither throws nor logs.
#
# Parts: prom-client 15.1.3. Needs Node 20 or newer and npm.
# Input: two counters in an OpenMetrics registry that differ in enableExemplars alone. Both get inc({ result: 'failed' }, 5).
# Expected: an option that adds exemplars leaves the counted value alone: both counters show result="failed" at 5.
# Observed: with exemplars on, inc reads its first argument as { labels, value, exemplarLabels }. Both positional
# arguments are ignored, so the counter has no labelled series, and the series without labels is 1.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

npm install --silent --no-audit --no-fund prom-client@15.1.3

cat > counters.mjs <<'EOF'
import { Counter, Registry } from 'prom-client';

const registry = new Registry(Registry.OPENMETRICS_CONTENT_TYPE);
const common = { help: 'Refreshes', labelNames: ['result'], registers: [registry] };
const plain = new Counter({ ...common, name: 'plain_refreshes_total' });
const withExemplars = new Counter({ ...common, name: 'exemplar_refreshes_total', enableExemplars: true });

const observed = {};
for (const [name, counter] of Object.entries({ plain, withExemplars })) {
  counter.inc({ result: 'failed' }, 5);
  observed[name] = (await counter.get()).values.map(({ labels, value }) => ({ labels, value }));
}

const labelled = [{ labels: { result: 'failed' }, value: 5 }];
console.log('prom-client 15.1.3, inc({ result: "failed" }, 5)');
console.log('expected in both cases:   ', JSON.stringify(labelled));
console.log('observed, plain:          ', JSON.stringify(observed.plain));
console.log('observed, with exemplars: ', JSON.stringify(observed.withExemplars));

const unlabelled = [{ labels: {}, value: 1 }];
if (JSON.stringify(observed.plain) !== JSON.stringify(labelled) || JSON.stringify(observed.withExemplars) !== JSON.stringify(unlabelled)) {
  console.log('CHANGED: enableExemplars no longer turns the increment into an unlabelled 1');
  process.exit(1);
}
console.log('STILL SO: enableExemplars turned an increment of 5 with a label into 1 without labels');
EOF
timeout 120 node counters.mjs
