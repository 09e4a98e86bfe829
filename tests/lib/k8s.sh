#!/bin/bash
# k8s.sh FILE...: does each JSON file hold a DaemonSet as the Kubernetes API's schema wants it?
# By the npm package kubernetes-models, made from that schema, which is kept in $B. Exit status 77,
# with the reason, where there is no npm or no registry of its packages.
set -euo pipefail
dir=${B:?}/kubernetes-models
version=4.5.1

command -v node >/dev/null || { echo "node is not installed" >&2; exit 77; }
command -v npm >/dev/null || { echo "npm is not installed" >&2; exit 77; }
mkdir -p "$dir"
(
	flock 9
	[ -e "$dir/whole-$version" ] && exit 0
	echo '{"private":true}' >"$dir/package.json"
	npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --silent \
		"kubernetes-models@$version" >"$dir/log" 2>&1 || exit 77
	touch "$dir/whole-$version"
) 9>"$dir/lock" || { echo "npm cannot install kubernetes-models: $(tail -n 1 "$dir/log")" >&2; exit 77; }

cat >"$dir/check.js" <<'END'
const fs = require("fs");
const {DaemonSet} = require("kubernetes-models/apps/v1");
for (const file of process.argv.slice(2)) {
	const document = JSON.parse(fs.readFileSync(file));
	try {
		if (document.apiVersion !== "apps/v1" || document.kind !== "DaemonSet")
			throw new Error("not a DaemonSet of apps/v1");
		new DaemonSet(document).validate();
	} catch (e) {
		console.error(`${file}: ${e.message}`);
		process.exitCode = 1;
	}
}
END
node "$dir/check.js" "$@"
