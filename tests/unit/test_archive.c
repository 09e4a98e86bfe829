// oci/archive: hybrids that real engines read, and the archives that real engines write.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <cmocka.h>

#include "oci/archive.h"
#include "oci/layers.h"
#include "sample_image.h"

static struct strings names_of(struct arena *a, const char *one, const char *two)
{
	struct strings names = {0};

	if (one)
		vec_push(a, &names, one);
	if (two)
		vec_push(a, &names, two);
	return names;
}

static struct descriptor write_archive(struct arena *a, const char *path, const char *name)
{
	drop(transport_drop) struct transport *t = NULL;
	struct sample_layer layers[] = {hello_layer(true), hello_layer(false)};
	struct strings names = names_of(a, name, NULL);

	must(archive_create(path, 1000, &t));
	struct descriptor d = put_image(t, a, "amd64", NULL, layers, 2);

	must(transport_tag(t, &d, &names));
	must(transport_commit(t));
	return d;
}

// An index of three platforms, put in the order arm64, arm v7, amd64 and listed the other way.
static struct descriptor write_index(struct arena *a, const char *path, bool prefer_last)
{
	static const char *const platforms[][2] = {{"arm64", NULL}, {"arm", "v7"}, {"amd64", NULL}};
	drop(transport_drop) struct transport *t = NULL;
	struct index x = {.schema_version = 2, .media_type = OCI_INDEX};
	struct sample_layer layer = hello_layer(true);
	struct strings names =
		names_of(a, "docker.io/library/sensor:latest", "docker.io/user/sensor:1.2");
	struct descriptor *d = arena_alloc(a, 3 * sizeof(*d));

	must(archive_create(path, 0, &t));
	for (size_t i = 0; i < 3; i++)
		d[2 - i] = put_image(t, a, platforms[i][0], platforms[i][1], &layer, 1);
	x.manifests = (struct json_list){d, 3, 3};
	struct span text = json_write(&index_table, &x, a);
	struct descriptor index = descriptor_of(OCI_INDEX, text, a);

	must(transport_put_document(t, &index, text));
	must(transport_tag(t, &index, &names));
	if (prefer_last)
		t->preferred = d[0].digest;
	must(transport_commit(t));
	return index;
}

static struct named_images open_and_list(struct arena *a, const char *path, struct transport **t)
{
	struct named_images images;

	must(archive_open(path, t));
	must(transport_list(*t, a, &images));
	return images;
}

// Reads manifest, config and layers of an image to their last byte; its files are hello's.
static void check_image(struct transport *t, const struct descriptor *d)
{
	drop(arena_drop) struct arena a = {0};
	drop(layers_drop) struct layers *l = NULL;
	struct span text, hello;
	struct manifest m;
	struct image_config c;

	must(transport_read(t, d, &a, &text));
	must(manifest_read(text, &a, &m, "manifest"));
	must(transport_read(t, &m.config, &a, &text));
	must(image_config_read(text, &a, &c, "config"));
	must(layers_open(t, &m, &c, NULL, &l));
	must(root_read(layers_root(l), "/bin/hi", 100, &a, &hello));
	assert_int_equal(hello.len, strlen("#!/bin/true\n"));
}

static void check_archive(const char *path, const char *name)
{
	drop(arena_drop) struct arena a = {0};
	drop(transport_drop) struct transport *t = NULL;

	if (!archive_is(path))
		fail_msg("%s is not taken for an archive", path);
	struct named_images images = open_and_list(&a, path, &t);

	assert_int_equal(images.len, 1);
	if (name) {
		assert_true(images.at[0].names.len >= 1);
		assert_string_equal(images.at[0].names.at[0], name);
	}
	check_image(t, &images.at[0].descriptor);
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	drop(transport_drop) struct transport *t = NULL;
	struct descriptor d = write_archive(&a, "one.tar", "docker.io/user/sensor:1.2");
	struct named_images images = open_and_list(&a, "one.tar", &t);

	assert_string_equal(images.at[0].descriptor.digest, d.digest);
	assert_int_equal(images.at[0].names.len, 2);
	check_archive("one.tar", "docker.io/user/sensor:1.2");
	write_archive(&a, "two.tar", "docker.io/user/sensor:1.2");
	assert_int_equal(run("cmp one.tar two.tar"), 0);
	assert_string_equal(
		output_of(&a, "tar -xOf one.tar manifest.json | grep -o 'RepoTags.*],'"),
		"RepoTags\":[\"user/sensor:1.2\"],");
	// Mode, owner and time of every member.
	assert_string_equal(
		output_of(&a, "TZ=UTC tar -tvf one.tar --numeric-owner | cut -c1-14 | sort -u"),
		"-rw-r--r-- 0/0");
	assert_string_equal(output_of(&a,
				    "TZ=UTC tar --full-time -tvf one.tar | "
				    "grep -vc '1970-01-01 00:16:40'"),
		"0");
	must_fail(transport_commit(t), "opened for reading");
}

static void nothing_appears_without_a_commit(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	struct transport *t = NULL;
	struct sample_layer layer = hello_layer(false);

	must(archive_create("never.tar", 0, &t));
	put_image(t, &a, "arm", "v7", &layer, 1);
	transport_drop(&t);
	assert_int_equal(run("ls -A | grep -q never"), 1);
}

static void stdout_gets_the_same_bytes(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	pid_t pid;
	int status;

	write_archive(&a, "file.tar", "x:1");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int fd = open("pipe.tar", O_WRONLY | O_CREAT | O_TRUNC, 0600);

		dup2(fd, STDOUT_FILENO);
		write_archive(&a, "-", "x:1");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(run("cmp file.tar pipe.tar"), 0);
}

static const char tags_of[] =
	"tar -xOf %s manifest.json | grep -o '\"RepoTags\":[^]]*' | cut -d'[' -f2 | tr '\\n' ' '";

static void platforms_have_entries_of_their_own(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	drop(transport_drop) struct transport *t = NULL;
	struct descriptor d = write_index(&a, "first.tar", false);

	assert_string_equal(output_of(&a, arena_printf(&a, tags_of, "first.tar")),
		"\"sensor:latest\",\"user/sensor:1.2\" "
		"\"sensor:latest-amd64\",\"user/sensor:1.2-amd64\" "
		"\"sensor:latest-arm-v7\",\"user/sensor:1.2-arm-v7\" ");
	write_index(&a, "last.tar", true);
	assert_string_equal(output_of(&a, arena_printf(&a, tags_of, "last.tar")),
		"\"sensor:latest\",\"user/sensor:1.2\" "
		"\"sensor:latest-arm-v7\",\"user/sensor:1.2-arm-v7\" "
		"\"sensor:latest-arm64\",\"user/sensor:1.2-arm64\" ");
	struct named_images images = open_and_list(&a, "first.tar", &t);

	assert_int_equal(images.len, 1);
	assert_string_equal(images.at[0].descriptor.digest, d.digest);
	assert_int_equal(images.at[0].names.len, 4);
}

static void skopeo_reads_it_both_ways(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};

	if (!have("skopeo"))
		return;
	struct descriptor d = write_archive(&a, "s.tar", "docker.io/library/sensor:latest");

	assert_string_equal(
		output_of(&a, "skopeo inspect --format '{{.Digest}}' oci-archive:s.tar"), d.digest);
	assert_string_equal(
		output_of(&a, "skopeo inspect --format '{{.Digest}}' oci-archive:s.tar:latest"),
		d.digest);
	assert_string_equal(output_of(&a,
				    "skopeo inspect --format '{{.Architecture}}' "
				    "docker-archive:s.tar:sensor:latest"),
		"amd64");
	assert_int_equal(run("skopeo copy -q docker-archive:s.tar oci:from-docker:x"), 0);
	write_index(&a, "multi.tar", false);
	assert_int_equal(run("skopeo copy -q --all oci-archive:multi.tar:1.2 oci:from-multi:x"), 0);
}

static void archives_of_skopeo_are_read(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};

	if (!have("skopeo"))
		return;
	write_archive(&a, "s.tar", "docker.io/library/sensor:latest");
	run("rm -f sk-*.tar");
	assert_int_equal(
		run("skopeo copy -q oci-archive:s.tar docker-archive:sk-docker.tar:b:2"), 0);
	check_archive("sk-docker.tar", "docker.io/library/b:2");
	assert_int_equal(run("skopeo copy -q oci-archive:s.tar oci-archive:sk-oci.tar:b"), 0);
	check_archive("sk-oci.tar", "b");
}

static void archives_of_tar_are_read(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};

	write_archive(&a, "t.tar", "v1");
	assert_int_equal(run("rm -rf t && mkdir t && tar -C t -xf t.tar"), 0);
	assert_int_equal(run("tar -C t --format=gnu -cf t-gnu.tar . && "
			     "tar -C t --format=posix --pax-option=comment:=$(printf '%%0700d' 1) "
			     "-cf t-pax.tar . && tar -C t --format=v7 -cf t-v7.tar . && "
			     "gzip -nk t-gnu.tar && zstd -q t-pax.tar"),
		0);
	check_archive("t-gnu.tar", "v1");
	check_archive("t-pax.tar", "v1");
	check_archive("t-v7.tar", "v1");
	check_archive("t-gnu.tar.gz", "v1");
	check_archive("t-pax.tar.zst", "v1");
	// Every blob is a hard link to a file stored under another name before it.
	assert_int_equal(run("cd t && mkdir -p aa && for b in blobs/sha256/*; do "
			     "ln $b aa/${b##*/}; done && tar -cf ../t-hard.tar aa blobs index.json "
			     "oci-layout"),
		0);
	check_archive("t-hard.tar", "v1");
}

// docker save of 20.10: VERSION/layer.tar, a layer that is there twice is a link to the other.
static void archives_of_old_docker_are_read(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	drop(transport_drop) struct transport *t = NULL;
	const char long_name[] =
		"0123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789012345678901234567890123456789";

	hello_layer(false);
	run("rm -rf d && mkdir -p d/%s d/two d/three && cp hello.tar d/%s/layer.tar && "
	    "ln -s ../%s/layer.tar d/two/layer.tar && cp hello.tar.gz d/three/layer.tar",
		long_name, long_name, long_name);
	const char *diff_id = output_of(&a, "sha256sum hello.tar | cut -c1-64");

	write_text("d/config.json",
		arena_printf(&a,
			"{\"architecture\":\"arm\",\"variant\":\"v7\",\"os\":\"linux\",\"config\":{},"
			"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\",\"sha256:%s\","
			"\"sha256:%s\"]}}",
			diff_id, diff_id, diff_id));
	write_text("d/manifest.json",
		arena_printf(&a,
			"[{\"Config\":\"config.json\",\"RepoTags\":[\"busybox:latest\",\"b:1\"],"
			"\"Layers\":[\"%s/layer.tar\",\"two/layer.tar\",\"three/layer.tar\"]},"
			"{\"Config\":\"config.json\",\"RepoTags\":null,"
			"\"Layers\":[\"%s/layer.tar\",\"two/layer.tar\",\"three/layer.tar\"]}]",
			long_name, long_name));
	run("tar -C d --format=posix -cf d.tar .");
	check_archive("d.tar", "busybox:latest");
	struct named_images images = open_and_list(&a, "d.tar", &t);

	assert_int_equal(images.at[0].names.len, 2);
	assert_string_equal(images.at[0].descriptor.platform.variant, "v7");
}

static void archives_of_buildah_are_read(void **state)
{
	(void)state;

	if (!have("buildah"))
		return;
	hello_layer(false);
	const char *store = "--root $PWD/store --runroot $PWD/runstore --storage-driver vfs";

	if (run("buildah %s from --name sample scratch >/dev/null 2>&1 && "
		"buildah %s add -q sample tree / >/dev/null && "
		"buildah %s commit -q sample sample:1 >/dev/null 2>&1",
		    store, store, store)) {
		print_message("# SKIP: buildah does not run here\n");
		return;
	}
	assert_int_equal(
		run("buildah %s push -q sample:1 docker-archive:bd.tar:sample:1", store), 0);
	check_archive("bd.tar", "docker.io/library/sample:1");
	assert_int_equal(run("buildah %s push -q sample:1 oci-archive:bo.tar:sample:1", store), 0);
	check_archive("bo.tar", NULL);
	if (run("podman %s save -q --format docker-archive -o ps.tar sample:1 2>/dev/null",
		    store)) {
		print_message("# SKIP: podman does not run here\n");
		return;
	}
	check_archive("ps.tar", NULL);
	assert_int_equal(run("podman %s load -q -i bd.tar >/dev/null 2>&1", store), 0);
}

static void podman_loads_it(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};

	if (!have("podman"))
		return;
	if (run("podman --root $PWD/store --runroot $PWD/runstore --storage-driver vfs images "
		">/dev/null 2>&1")) {
		print_message("# SKIP: podman does not run here\n");
		return;
	}
	write_archive(&a, "p.tar", "docker.io/user/sensor:1.2");
	const char *loaded = output_of(&a,
		"podman --root $PWD/store --runroot $PWD/runstore "
		"--storage-driver vfs load -q -i p.tar 2>&1");

	if (!strstr(loaded, "sensor:1.2"))
		fail_msg("podman load: %s", loaded);
}

static void a_pipe_is_read(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};

	write_archive(&a, "f.tar", "v1");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	pid_t pid = fork();

	if (pid == 0)
		_exit(run("exec cat f.tar >fifo"));
	drop(transport_drop) struct transport *t = NULL;
	struct named_images images = open_and_list(&a, "fifo", &t);

	check_image(t, &images.at[0].descriptor);
	waitpid(pid, NULL, 0);
}

static void fails(const char *make, const char *part)
{
	drop(transport_drop) struct transport *t = NULL;

	run("rm -rf h h.tar; mkdir h; cd h; %s; ls -A | xargs tar -cf ../h.tar", make);
	must_fail(archive_open("h.tar", &t), part);
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define CONFIG                                                                                     \
	"echo '{\"architecture\":\"arm\",\"os\":\"linux\",\"rootfs\":{\"diff_ids\":["              \
	"\"sha256:" ZEROS "\"]}}' >c.json; "

static void hostile_archives_are_errors(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	struct transport *t = NULL;

	fails("touch x", "neither index.json nor manifest.json");
	fails("echo '{}' >index.json", "schemaVersion is missing");
	fails("mkfifo index.json", "neither index.json");
	fails("ln -s index.json index.json", "neither index.json");
	fails("ln -s /etc/passwd manifest.json", "neither index.json");
	fails("echo '[{\"Config\":\"../../etc/passwd\"}]' >manifest.json", "climbs out");
	fails("echo '[{\"Config\":\"/etc/passwd\"}]' >manifest.json", "etc/passwd is missing");
	fails("echo '[{\"Config\":\"c.json\",\"Config\":\"d\"}]' >manifest.json", "duplicate");
	fails("echo '[{\"Layers\":[]}]' >manifest.json", "Config is missing");
	fails(arena_printf(&a, "%s echo '[{\"Config\":\"c.json\",\"Layers\":[]}]' >manifest.json",
		      CONFIG),
		"0 layers, but the config has 1 diff_ids");
	fails(arena_printf(&a,
		      "%s echo '[{\"Config\":\"c.json\",\"Layers\":[\"x/layer.tar\"]}]' >manifest.json",
		      CONFIG),
		"layer x/layer.tar is missing");
	fails("truncate -s 5M index.json", "larger than");
	must_fail(archive_open("nothing.tar", &t), "No such file");
	must_fail(archive_open("h", &t), "Is a directory");
	write_text("text", "this is no archive at all");
	must_fail(archive_open("text", &t), "not a sound tar");
	assert_false(archive_is("text"));
	assert_false(archive_is("nothing.tar"));
	assert_false(archive_is("hello.tar"));
	write_archive(&a, "cut.tar", "v1");
	run("truncate -s 800 cut.tar");
	must_fail(archive_open("cut.tar", &t), "cut.tar");
	run("head -c -100 t-gnu.tar.gz >cut.tar.gz");
	must_fail(archive_open("cut.tar.gz", &t), "cut.tar.gz");
}

static void a_layer_that_lies_is_found(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	drop(transport_drop) struct transport *t = NULL;
	struct span text;
	struct manifest m;

	run("rm -rf l; mkdir l; cd l; " CONFIG " echo x >layer.tar; "
	    "echo '[{\"Config\":\"c.json\",\"Layers\":[\"layer.tar\"]}]' >manifest.json; "
	    "tar -cf ../l.tar *");
	struct named_images images = open_and_list(&a, "l.tar", &t);

	must(transport_read(t, &images.at[0].descriptor, &a, &text));
	must(manifest_read(text, &a, &m, "manifest"));
	must_fail(transport_read(t, m.layers.at, &a, &text), "is damaged");
	struct descriptor wrong = *(struct descriptor *)m.layers.at;

	wrong.size = 5;
	must_fail(transport_read(t, &wrong, &a, &text), "its descriptor says 5");
	wrong.digest = "sha256:../../manifest.json";
	must_fail(transport_read(t, &wrong, &a, &text), "is not a sha256 digest");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(nothing_appears_without_a_commit),
		cmocka_unit_test(stdout_gets_the_same_bytes),
		cmocka_unit_test(platforms_have_entries_of_their_own),
		cmocka_unit_test(skopeo_reads_it_both_ways),
		cmocka_unit_test(archives_of_skopeo_are_read),
		cmocka_unit_test(archives_of_tar_are_read),
		cmocka_unit_test(archives_of_old_docker_are_read),
		cmocka_unit_test(archives_of_buildah_are_read),
		cmocka_unit_test(podman_loads_it),
		cmocka_unit_test(a_pipe_is_read),
		cmocka_unit_test(hostile_archives_are_errors),
		cmocka_unit_test(a_layer_that_lies_is_found),
	};

	return cmocka_run_group_tests(tests, make_work_dir, remove_work_dir);
}
