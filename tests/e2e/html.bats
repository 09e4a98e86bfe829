#!/usr/bin/env bats
# imgmin inspect --format html and diff --format html: the page as a real browser draws it.
# shellcheck disable=SC2154
load ../lib/common
load ../lib/images

setup_file() {
	programs
	cd "$BATS_FILE_TMPDIR"
	tree tree
	printf '#!/bin/sh\n' >tree/usr/bin/tool
	mkdir -p data/usr/share/words/deep
	for i in 1 2 3 4 5 6; do
		head -c $((i * 20000)) /dev/zero >data/usr/share/words/deep/number$i
	done
	image pack i tree data 'config["config"] = {"Entrypoint": ["/usr/bin/hello"], "Env": ["A=B"]}
config["history"] = [{"comment": "system"}, {"created_by": "words and numbers"}]'
	"$imgmin" inspect --format html -o i.html ./i
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	here=$BATS_FILE_TMPDIR
}

# page FILE [WORD...] <CODE: see tests/lib/browser.py
page() {
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
		command -v google-chrome >/dev/null || skip "chromium is not installed"
	python3 "$top/tests/lib/browser.py" "$@"
}

@test "the page is drawn at every width, light and dark, and nothing sticks out" {
	page "$here/i.html" <<-'END'
		page.open(390)
		for width in (390, 820, 1600):
		    page.size(width, 900)
		    seen = page.shot()
		    assert seen["width"] == width and seen["height"] >= 900, seen
		    assert seen["colours"] > 100 and seen["share"] < 0.95, seen
		    page.want("document.scrollingElement.scrollWidth <= innerWidth")
		    page.want("document.querySelectorAll('.cell').length > 5")
		    page.want("document.querySelector('.map').clientWidth > innerWidth - 60")
		light = seen["most"]
		page.dark(True)
		dark = page.shot()["most"]
		assert light >> 16 > 200 and dark >> 16 < 60, (light, dark)
	END
}

@test "what stands on it: names, sizes, layers, config, reasons, dependencies" {
	page "$here/i.html" <<-'END'
		page.open()
		text = page.js("document.body.innerText")
		for words_ in ("linux/amd64", "layer 1: words and numbers", "A=B", "[\"/usr/bin/hello\"]", "needed by hello",
		               "Who needs whom", "the program"):
		    assert words_ in text, words_
		page.want("document.getElementById('about').textContent.startsWith('sha256:')")
		page.want("[...document.querySelectorAll('#graph g text')].map(e => e.textContent.split('.')[0]).sort().join()",
		          "hello,ld-linux-x86-64,libc,libm")
		page.want("document.querySelectorAll('#graph path').length >= 4")
		# From the graph to the file and its reasons.
		page.js("[...document.querySelectorAll('#graph g')].find(g => g.textContent.includes('libm')).focus()")
		page.key("Enter")
		page.until("document.getElementById('detail').innerText.includes('libm.so.6')")
		page.want("/needed by\\s+hello/.test(document.getElementById('detail').innerText)")
		page.want("/needs\\s+libc/.test(document.getElementById('detail').innerText)")
		page.js("[...document.querySelectorAll('#detail button')].find(e => e.textContent.startsWith('libc.')).click()")
		page.want("document.querySelector('#detail strong').textContent.includes('libc.so')")
		page.click("document.querySelector('#detail button')")
		page.want("document.getElementById('detail').hidden")
		# The tree opens step by step.
		page.want("document.querySelectorAll('#needs li').length", 3)
		page.click("document.querySelectorAll('#needs details details > summary')[0]")
		page.until("document.querySelectorAll('#needs li').length > 3")
	END
}

@test "into a folder and out again, by mouse and by keys" {
	page "$here/i.html" <<-'END'
		cell = "[...document.querySelectorAll('.cell.folder')].find(e => e.title.startsWith('/layer 1'))"
		names = "[...document.querySelectorAll('#crumbs button')].map(e => e.textContent).join('/')"
		page.open()
		page.want(names, "whole image")
		page.click(cell)
		page.until(names + ".startsWith('whole image/layer 1: words and numbers/usr')")
		page.want("[...document.querySelectorAll('.cell')].every(e => e.title.includes('number'))")
		page.want("document.querySelectorAll('.cell').length", 6)
		page.click("[...document.querySelectorAll('.cell')][0]")
		page.until("document.getElementById('detail').innerText.includes('/usr/share/words/deep/number6')")
		page.click("document.querySelector('#crumbs button')")
		page.until(names + " === 'whole image'")
		# The keyboard alone: one stop for Tab, arrows inside, Enter and Escape.
		page.want("document.querySelectorAll('.cell[tabindex=\"0\"]').length", 1)
		page.js("document.querySelector('#crumbs button').focus()")
		page.key("Tab")
		page.want("document.activeElement.classList.contains('cell')")
		first = page.js("document.activeElement.title")
		for key in ("ArrowDown", "ArrowRight", "ArrowLeft", "ArrowUp"):
		    page.key(key)
		page.want("document.activeElement.classList.contains('cell')")
		page.js(cell + ".focus()")
		page.key("Enter")
		page.until(names + ".includes('layer 1')")
		page.want("document.activeElement.classList.contains('cell')")
		page.key("Escape")
		page.until(names + " === 'whole image'")
		page.want("document.activeElement.classList.contains('cell')")
	END
}

@test "the search finds by path and by reason" {
	page "$here/i.html" <<-'END'
		rows = "[...document.querySelectorAll('#files tbody tr')].map(e => e.innerText).join()"
		page.open()
		page.click("document.getElementById('search')")
		page.type("number")
		page.until("document.getElementById('found').textContent === '6 files found'")
		page.want(rows + ".includes('libc')", False)
		page.want("document.querySelectorAll('.cell.dim').length > 0")
		page.want("[...document.querySelectorAll('.cell')].filter(e => /number\\d,/.test(e.title))"
		          ".every(e => !e.classList.contains('dim'))")
		page.type(" 5")
		page.until("document.getElementById('found').textContent === '1 file found'")
		page.js("document.getElementById('search').select()")
		page.type("THE program")
		page.until("document.getElementById('found').textContent === '1 file found'")
		page.want(rows + ".includes('/usr/bin/hello')")
		page.js("document.getElementById('search').select()")
		page.type("no such thing")
		page.until("document.getElementById('found').textContent === '0 files found'")
		page.want("document.querySelectorAll('.cell:not(.dim)').length", 0)
	END
}

@test "hostile names are text and nothing else" {
	python3 - <<-'END'
		import os
		os.makedirs("t/usr/<b>bold</b>")
		names = ["<img src=x onerror=alert(1)>", "</script><script>alert(2)<", "a\nb\rc", "exe\u202etxt.sh", "l\u2028s\u2029p",
		         "__proto__", "constructor", "\"quoted' &amp; &lt;", "<!--<script>", "bad\udcff\udc80name", "x" * 250]
		for i, name in enumerate(names):
		    with open(os.path.join("t/usr/<b>bold</b>", name.replace("/", "")), "w") as f:
		        f.write("x" * (5000 + i))
		with open("t/usr/]]>", "w") as f:
		    f.write("y" * 3000)
	END
	image pack h "$here/tree" t 'config["config"] = {"Entrypoint": ["/usr/bin/hello"], "Cmd": ["</script><img src=x onerror=alert(3)>"],
		"Env": ["X=</script>"], "Labels": {"<script>alert(4)</script>": "<svg/onload=alert(5)>", "__proto__": "x"}}
config["history"] = [{"comment": "<script>alert(6)</script>"}, {"comment": "\u202e</script>\u2028"}]'
	"$imgmin" inspect --format html -o h.html ./h
	# The document holds no '<' but in its own tags, and no line separator of JavaScript.
	sed -n '/id="data">/,/^<\/script>/p' h.html | sed '1d;$d' >document
	jq -e '.images[0].files | length > 10' document
	[ "$(grep -c '<' document)" = 0 ]
	[ "$(grep -cE $'\u2028|\u2029' document)" = 0 ]
	page h.html <<-'END'
		page.open()
		page.want("document.querySelectorAll('img, iframe, object, embed, b:not(.cell b), svg:not(#graph svg)').length", 0)
		page.want("document.scripts.length", 2)
		text = page.js("document.body.innerText")
		for words_ in ("<script>alert(6)</script>", "\\u202e</script>\\u2028", "X=</script>", "__proto__=x"):
		    assert words_ in text, words_
		page.click("document.getElementById('search')")
		for name, shown in (("onerror=alert(1)", "/usr/<b>bold</b>/<img src=x onerror=alert(1)>"), ("exe", "exe\\u202etxt.sh"),
		                    ("alert(2)", "<script><script>alert(2)<"), ("__proto__", "/__proto__"), ("b\\\\u000dc", "a\\u000ab\\u000dc")):
		    page.js("document.getElementById('search').value = '%s';"
		            "document.getElementById('search').dispatchEvent(new Event('input'))" % name)
		    page.want("document.getElementById('found').textContent", "1 file found")
		    got = page.js("document.querySelector('#files tbody').textContent")
		    assert shown in got, (name, got)
		    page.click("document.querySelector('#files tbody button')")
		    page.want("document.getElementById('detail').innerText.includes('size')")
		page.want("document.scrollingElement.scrollWidth <= innerWidth")
		page.size(390, 800)
		page.want("document.scrollingElement.scrollWidth <= innerWidth")
		# The policy would have stopped what got through, too.
		page.js("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')")
		page.js("new Promise(done => setTimeout(done, 200))")
		page.want("window.ran === undefined")
		for e in list(browser.events):
		    if e["method"] == "Log.entryAdded" or e["method"] == "Network.requestWillBeSent" and e["params"]["request"]["url"].endswith("/x"):
		        browser.events.remove(e)
	END
}

@test "an image of ten thousand files stays small on the screen and quick" {
	python3 - <<-'END'
		import os
		for i in range(100):
		    os.makedirs(f"t/usr/share/d{i % 10}/e{i}")
		    for k in range(100):
		        with open(f"t/usr/share/d{i % 10}/e{i}/file{k}", "w") as f:
		            f.write("z" * (1 + (i * 37 + k * 91) % 400))
	END
	image pack m t ''
	"$imgmin" inspect --format html -o m.html ./m
	page m.html <<-'END'
		page.open(1600)
		cells = page.js("document.querySelectorAll('.cell').length")
		assert 50 < cells < 3000, cells
		page.want("document.body.innerText.includes('10,000 files')")
		page.want("document.querySelectorAll('#files tbody tr').length", 20)
		page.click("document.getElementById('more')")
		page.want("document.querySelectorAll('#files tbody tr').length", 220)
		page.click("document.getElementById('search')")
		page.type("e42/file7")
		page.until("document.getElementById('found').textContent === '11 files found'")
		page.want("document.scrollingElement.scrollWidth <= innerWidth")
	END
}

@test "platforms side by side, artifacts told apart, the same page every time" {
	need_tool arm-linux-gnueabihf-gcc
	"$imgmin" build -q "$here/hello" "$here/hello-arm" -o both.tar
	expect 0 "$imgmin" inspect --format html ./both.tar
	printf '%s\n' "$output" >both.html
	expect 0 "$imgmin" inspect --format html -o again.html ./both.tar
	[ -z "$output" ]
	cmp both.html again.html
	page both.html <<-'END'
		page.open()
		page.want("[...document.querySelectorAll('#platforms strong')].map(e => e.textContent).join()", "linux/arm/v7,linux/amd64")
		page.want("document.querySelector('#platforms [aria-pressed=true] strong').textContent", "linux/arm/v7")
		page.want("document.getElementById('graph').textContent.includes('ld-linux-armhf')")
		page.click("document.querySelectorAll('#platforms button')[1]")
		page.until("document.getElementById('graph').textContent.includes('ld-linux-x86-64')")
		page.want("document.querySelector('#platforms [aria-pressed=true] strong').textContent", "linux/amd64")
		page.want("new Set([...document.querySelectorAll('#platforms button')].map(e => e.offsetTop)).size", 1)
	END
	cp -a "$here/i" d
	image edit d 'index["manifests"][0]["platform"] = {"os": "unknown", "architecture": "unknown"}'
	"$imgmin" inspect --format html -o d.html ./d
	page d.html <<-'END'
		page.open()
		page.want("document.getElementById('about').textContent.includes('1 artifact')")
		page.want("[...document.querySelectorAll('section')].every(e => e.hidden)")
	END
}

@test "before and after: a diff, and what slim left" {
	cp -a "$here/data" new
	rm new/usr/share/words/deep/number6
	head -c 90000 /dev/zero >new/usr/share/words/deep/number1
	echo added >'new/usr/share/<i>added'
	image pack n "$here/tree" new 'config["config"] = {"Entrypoint": ["/usr/bin/hello"], "Env": ["A=C</script>"]}'
	expect 0 "$imgmin" diff --format html -o diff.html "$here/i" ./n
	[ -z "$output" ]
	"$imgmin" diff --format html "$here/i" ./n | cmp - diff.html
	page diff.html <<-'END'
		row = "[...document.querySelectorAll('#files tbody tr')].map(e => e.innerText.split(/\\s+/).join(' '))"
		page.open()
		page.want("[...document.querySelectorAll('#maps h3')].map(e => e.textContent.split(':')[0]).join()", "Before,After")
		rows = page.js(row)
		assert rows[0].strip() == "− removed 120 kB 0 B /usr/share/words/deep/number6", rows
		assert "20.0 kB" in rows[1] and "90.0 kB" in rows[1] and "number1" in rows[1], rows
		assert any("/usr/share/<i>added" in r for r in rows), rows
		page.want("document.body.innerText.includes('A: B → C</script>')")
		# Both maps go where one goes; what is equal is there as well, and found.
		page.click("[...document.querySelectorAll('.map')][1].querySelector('.cell.folder')")
		page.until("document.querySelectorAll('#crumbs button').length > 1")
		page.click("document.querySelector('#crumbs button')")
		page.js("document.getElementById('search').value = 'same number'")
		page.js("document.getElementById('search').dispatchEvent(new Event('input'))")
		page.want("document.getElementById('found').textContent", "4 files found")
		for width in (390, 820, 1600):
		    page.size(width, 900)
		    seen = page.shot()
		    assert seen["colours"] > 100 and seen["share"] < 0.95, seen
		    page.want("document.scrollingElement.scrollWidth <= innerWidth")
	END
	# The page of two equal images, and of what slim made of one.
	"$imgmin" diff --format html -o equal.html "$here/i" "$here/i"
	"$imgmin" slim -q "$here/i" -t slim -o slim.tar
	"$imgmin" diff --format html -o slim.html "$here/i" ./slim.tar
	page equal.html <<-'END'
		page.open()
		page.want("document.querySelectorAll('.map').length", 2)
		page.want("[...document.querySelectorAll('#files tbody td:first-child')].every(e => e.textContent.trim() === 'same')")
	END
	page slim.html <<-'END'
		page.open()
		heights = page.js("[...document.querySelectorAll('.map')].map(e => e.clientHeight)")
		assert heights[1] < heights[0], heights
		page.want("document.querySelector('#platforms').innerText.includes('compressed (−')")
		page.want("[...document.querySelectorAll('#files tbody tr')].filter(e => e.innerText.includes('removed')).length >= 6")
	END
}

@test "a damaged image leaves no page" {
	cp -a "$here/i" d
	flip "$(image blob d 1)"
	echo before >page.html
	expect 1 "$imgmin" inspect --format html -o page.html ./d
	expect 1 "$imgmin" diff --format html -o page.html "$here/i" ./d
	[ "$(cat page.html)" = before ]
	expect 1 "$imgmin" inspect --format html ./d
	[ -z "$output" ]
}

@test "without --format the name of the FILE says what it holds" {
	"$imgmin" inspect -o i.html "$here/i"
	cmp i.html <("$imgmin" inspect --format html "$here/i")
	"$imgmin" inspect -o i.JSON "$here/i"
	cmp i.JSON <("$imgmin" inspect --format json "$here/i")
	"$imgmin" inspect -o i.txt "$here/i"
	cmp i.txt <("$imgmin" inspect "$here/i")
	"$imgmin" inspect --format text -o t.html "$here/i"
	cmp i.txt t.html
	"$imgmin" diff -o d.htm "$here/i" "$here/i"
	cmp d.htm <("$imgmin" diff --format html "$here/i" "$here/i")
	"$imgmin" diff -o d.json "$here/i" "$here/i"
	cmp d.json <("$imgmin" diff --format json "$here/i" "$here/i")
}
