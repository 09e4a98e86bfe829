#!/usr/bin/env bats
# imgmin k8s: what Kubernetes' own schema says of it, and a YAML reader that is none of ours.
load ../lib/common
load ../lib/registry

bats_require_minimum_version 1.5.0

setup_file() {
	[ -n "$(command -v docker-registry)" ] && [ -n "$(command -v arm-linux-gnueabihf-gcc)" ] || return 0
	sensor
	cd "$BATS_FILE_TMPDIR"
	real_start hub "http: {addr: 127.0.0.1:0}"
	"$imgmin" build -q "$sensor_native" "$sensor_armhf" -t "$r_hub/user/sensor_x:1.2" \
		--user 65534:65534 --push >both
	"$imgmin" build -q "$sensor_native" -t "$r_hub/root" --push >root
	"$imgmin" build -q "$sensor_native" -t "$r_hub/named" --user nobody --with passwd --push >named
}

teardown_file() {
	servers_stop
}

setup() {
	need_tool docker-registry arm-linux-gnueabihf-gcc
	cd "$BATS_TEST_TMPDIR"
}

# k8s FILE ARG...: prints it into FILE.yaml and, read by python3-yaml, FILE.json.
k8s() {
	local file=$1
	shift
	"$imgmin" k8s "$@" >"$file.yaml" || return
	"$PYTHON" "$top/tests/lib/k8s.py" <"$file.yaml" >"$file.json"
}

# is FILE EXPRESSION: is the jq expression true of FILE.json?
is() {
	jq -e "$2" "$1.json" >/dev/null || {
		echo "not so: $2"
		cat "$1.yaml"
		return 1
	}
}

container='.spec.template.spec.containers[0]'

@test "an index: by digest, on its architectures, without rights" {
	k8s x "$r_hub/user/sensor_x:1.2"
	digest=$(sed 's/.*@//' "$BATS_FILE_TMPDIR/both")
	is x "$container.image == \"$r_hub/user/sensor_x@$digest\""
	is x '.metadata.name == "sensor-x" and (.metadata | has("namespace") | not)'
	is x '.spec.selector.matchLabels == .spec.template.metadata.labels'
	is x '[.spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
		.nodeSelectorTerms[0].matchExpressions[] | select(.key == "kubernetes.io/arch") | .values] ==
		[["arm", "amd64"]]'
	is x "$container.securityContext == {readOnlyRootFilesystem: true, runAsNonRoot: true,
		allowPrivilegeEscalation: false, capabilities: {drop: [\"ALL\"]},
		seccompProfile: {type: \"RuntimeDefault\"}}"
	is x "$container.resources.limits.memory == \"64Mi\""
	is x '.spec.template.spec | has("volumes") or has("nodeSelector") | not'
	grep -q '# Nodes have no label for the variant of linux/arm/v7' x.yaml
	k8s again "$r_hub/user/sensor_x:1.2"
	cmp x.yaml again.yaml
	# The same image by its digest differs in nothing but the comment on top.
	k8s pinned "$r_hub/user/sensor_x@$digest"
	cmp <(tail -n +2 x.yaml) <(tail -n +2 pinned.yaml)
}

@test "one image: no variant to tell; its user decides about runAsNonRoot" {
	k8s root "$r_hub/root"
	is root "$container.securityContext | has(\"runAsNonRoot\") | not"
	grep -q "# The image's user is root" root.yaml
	run ! grep -q variant root.yaml
	k8s named "$r_hub/named"
	is named "$container.securityContext | has(\"runAsNonRoot\") | not"
	grep -q "# runAsNonRoot needs a user by number" named.yaml
}

@test "a device: by a device plugin, or privileged" {
	k8s plugin "$r_hub/root" --device /dev/gpiomem --device-resource example.com/gpiomem
	is plugin "$container.resources.limits[\"example.com/gpiomem\"] == 1"
	is plugin "$container.securityContext | has(\"privileged\") | not"
	is plugin '.spec.template.spec | has("volumes") | not'
	grep -q '# "/dev/gpiomem" comes from the device plugin' plugin.yaml
	k8s all "$r_hub/root" --device /dev/gpiomem --device /dev/i2c-1 --privileged
	is all "$container.securityContext == {readOnlyRootFilesystem: true, privileged: true}"
	is all '.spec.template.spec.volumes[1] == {name: "device-1",
		hostPath: {path: "/dev/i2c-1", type: "CharDevice"}}'
	is all "[$container.volumeMounts[].mountPath] == [\"/dev/gpiomem\", \"/dev/i2c-1\"]"
	expect 2 "$imgmin" k8s "$r_hub/root" --device /dev/gpiomem
	says EPERM
	says "hint: --device-resource NAME"
	[ -z "$output" ]
	expect 2 "$imgmin" k8s "$r_hub/root" --privileged --device-resource example.com/gpiomem
	says "choose one"
}

@test "words of the user come through as they are" {
	nasty=$'a: b # c "d" \\ \'e\' $(HOME) $$ \t\n {x} ü \U1F600 \u2028\u0085\x7f\ufeff yes'
	k8s x "$r_hub/root" --env A=1 --env "NASTY=$nasty" --env A=no --env EMPTY= \
		--node-selector board=yes --node-selector example.com/n=1 --node-selector bare= \
		--name null --namespace 0123
	is x "$container.env | map(.name) == [\"NASTY\", \"A\", \"EMPTY\"]"
	is x "$container.env[1].value == \"no\" and $container.env[2].value == \"\""
	# What the kubelet makes of $$.
	jq -j "$container.env[0].value | gsub(\"\\\\$\\\\$\"; \"$\")" x.json >value
	printf %s "$nasty" | cmp - value
	is x '.spec.template.spec.nodeSelector == {board: "yes", "example.com/n": "1", bare: ""}'
	is x '.metadata.name == "null" and .metadata.namespace == "0123"'
}

@test "all of it is what the Kubernetes API's schema wants" {
	k8s a "$r_hub/user/sensor_x:1.2"
	k8s b "$r_hub/root" --device /dev/gpiomem --privileged --env 'A=$x' --env B=2
	k8s c "$r_hub/named" --device-resource example.com/gpiomem --node-selector board=pi4 \
		--namespace field --name s
	status=0
	why=$("$top/tests/lib/k8s.sh" a.json b.json c.json 2>&1) || status=$?
	[ "$status" != 77 ] || skip "$why"
	echo "$why"
	[ "$status" = 0 ]
	# The judge can say no.
	jq "$container.resources = 1" a.json >should-fail-type.json
	jq 'del(.spec.selector)' a.json >should-fail-missing.json
	jq "$container.securityContext.capabilities.drop = \"ALL\"" a.json >should-fail-nested.json
	for bad in should-fail-*.json; do
		run ! "$top/tests/lib/k8s.sh" "$bad"
	done
}

@test "what Kubernetes would refuse is refused here" {
	while read -r opt value; do
		echo "$opt $value"
		expect 2 "$imgmin" k8s "$r_hub/root" --privileged "$opt" "$value"
		says "$opt $value"
		[ -z "$output" ]
	done <<-END
		--device gpiomem
		--device /dev/../etc
		--device /dev//x
		--device /
		--node-selector board
		--node-selector =pi
		--node-selector a/b/c=1
		--node-selector x=a_
		--env =1
		--env 1A=1
		--env A
		--name Sensor
		--name -a
		--name $(printf 'a%.0s' {1..64})
		--namespace a.b
	END
	for name in gpio kubernetes.io/gpio a.kubernetes.io/x /x; do
		expect 2 "$imgmin" k8s "$r_hub/root" --device-resource "$name"
		says "--device-resource $name"
	done
	expect 2 "$imgmin" k8s "$r_hub/root" --node-selector a=1 --node-selector a=2
	says "a=1 was given, too"
}

@test "an image that no node could pull" {
	"$imgmin" build -q "$sensor_native" -o ./sensor.tar
	for place in ./sensor.tar oci-archive:sensor.tar docker-daemon:sensor; do
		expect 2 "$imgmin" k8s "$place"
		says "a node pulls its images from a registry"
		says "hint: imgmin push $place"
	done
	expect 6 "$imgmin" k8s "$r_hub/absent"
	[ -z "$output" ]
}
