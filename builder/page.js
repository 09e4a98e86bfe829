// The page of imgmin inspect and imgmin diff. Names and words of an image only ever become text
// (textContent), never markup.
"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);

// ---- small things ----

function make(tag, with_, ...children) {
	const e = document.createElement(tag);

	for (const [name, value] of Object.entries(with_ || {}))
		if (name === "click")
			e.addEventListener("click", value);
		else if (name in e)
			e[name] = value;
		else
			e.setAttribute(name, value);
	e.append(...children);
	return e;
}

function draw(tag, with_, ...children) {
	const e = document.createElementNS("http://www.w3.org/2000/svg", tag);

	for (const [name, value] of Object.entries(with_))
		e.setAttribute(name, value);
	e.append(...children);
	return e;
}

// What cannot be seen, or turns what stands around it, is shown by its number.
const unseen = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const shown = text => String(text).replace(unseen,
	c => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
const base = path => path.slice(path.lastIndexOf("/") + 1) || path;
const plural = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
const cut = (text, n) => text.length > n ? text.slice(0, n - 1) + "…" : text;

function size(bytes) {
	const units = ["B", "kB", "MB", "GB", "TB"];
	let n = Math.abs(bytes), unit = 0;

	for (; n >= 999.5 && unit < 4; unit++)
		n /= 1000;
	return (bytes < 0 ? "−" : "") + (unit ? n.toPrecision(3) : n) + " " + units[unit];
}

function percent(part, all) {
	const n = all ? 100 * part / all : 0;

	return n && n < 0.1 ? "< 0.1 %" : n.toFixed(n < 10 ? 1 : 0) + " %";
}

const layerHue = n => (n * 137.5 + 210) % 360;
const kinds = {
	added: {hue: 140, sign: "+"}, removed: {hue: 5, sign: "−"}, content: {hue: 42, sign: "~"},
	metadata: {hue: 265, sign: "~"}, same: {hue: -1, sign: ""},
};

// ---- the two documents as one: views with maps and rows ----

function layerName(layer, i) {
	const from = layer.comment || layer.created_by || "";

	return `layer ${i}` + (from ? ": " + cut(from, 40) : "");
}

function inspectView(image) {
	const groups = image.layers.map(layerName);
	const rows = image.files.map(f => ({
		path: f.path, size: f.hard_link === null ? f.size : 0, why: f.why, layer: f.layer,
		facts: [["size", size(f.size)], ["mode", f.mode],
			["layer", shown(groups[f.layer])], ["why", shown(f.why)]].concat(
			f.hard_link === null ? [] : [["shares bytes with", shown(f.hard_link)]]),
		weight: f.hard_link === null ? f.size : 0, nodes: [],
		text: shown(f.path + " " + f.why).toLowerCase(),
	}));

	return {
		image, rows, name: image.platform, size: image.size, raw: image.raw_size,
		bars: image.layers.map((l, i) => ({size: l.size, hue: layerHue(i)})),
		words: [`${size(image.size)} compressed, ${size(image.raw_size)} plain`,
			`${plural(rows.length, "file")} in ${plural(image.layers.length, "layer")}`],
		maps: [{title: "", files: rows.map(row => ({
			row, size: row.size, hue: layerHue(row.layer),
			group: groups.length > 1 ? groups[row.layer] : null}))}],
		columns: [["size", "number", r => size(r.size)], ["path", "path", null],
			["layer", "number layer", r => r.layer], ["why", "", r => shown(r.why)]],
	};
}

function diffRow(kind, path, before, after, what) {
	return {
		path, kind, before, after, why: what || "", weight: Math.abs(after - before), nodes: [],
		facts: [["change", kind], ["before", size(before)], ["after", size(after)]].concat(
			what ? [["what", shown(what)]] : []),
		text: shown(`${path} ${kind} ${what || ""}`).toLowerCase(),
	};
}

function diffView(p) {
	const rows = p.files.map(f => diffRow(f.kind, f.path, f.old_size, f.new_size, f.what)).concat(
		(p.same || []).map(f => diffRow("same", f.path, f.size, f.size, null)));
	const map = (title, key, not) => ({
		title, files: rows.filter(r => r.kind !== not && !r.path.endsWith("/")).map(row => ({
			row, size: row[key], hue: kinds[row.kind].hue, group: null})),
	});
	const maps = p.in === "both" ? [map("Before", "before", "added"), map("After", "after", "removed")] : [];
	const [old, now] = [p.a_size, p.b_size];

	return {
		diff: p, rows, maps, name: p.platform, size: Math.max(old, now),
		bars: [{size: Math.min(old, now), hue: 210}, {size: Math.max(0, old - now), hue: 5},
			{size: Math.max(0, now - old), hue: 140}],
		words: p.in === "both" ? [`${size(old)} → ${size(now)} compressed (${
			now > old ? "+" : ""}${size(now - old)})`, `an update downloads ${size(p.download)}`]
			: [`only ${p.in === "a" ? "before" : "after"}: ${size(p.in === "a" ? old : now)}`],
		columns: [["change", "", r => kinds[r.kind].sign + " " + r.kind],
			["before", "number", r => size(r.before)], ["after", "number after", r => size(r.after)],
			["path", "path", null], ["what", "", r => shown(r.why)]],
	};
}

const views = data.platforms ? data.platforms.map(diffView)
	: data.images.filter(i => i.kind === "image").map(inspectView);
let view;          // the platform that is shown
let place = [];    // names from the root of the treemap to the folder it shows
let hits = null;   // rows that the search found; null: no search
let limit = 20;    // rows of the table

// ---- the treemap ----

const node = (name, parent) => ({name, parent, size: 0, files: 0, hue: -1, children: new Map(), sorted: null, row: null});

function treeOf(files) {
	const root = node("image", null);

	for (const f of files) {
		const names = f.row.path.split("/").filter(Boolean);
		let n = root;

		if (f.group !== null)
			names.unshift(f.group);
		for (const name of names) {
			n.size += f.size;
			n.files++;
			if (!n.children.has(name))
				n.children.set(name, node(name, n));
			n = n.children.get(name);
			n.hue = !n.files || n.hue === f.hue ? f.hue : -1; // a mixture has no colour
		}
		n.size += f.size;
		n.row = f.row;
		f.row.nodes.push(n);
	}
	return root;
}

function childrenOf(n) {
	n.sorted ??= [...n.children.values()].filter(c => c.size).sort((a, b) => b.size - a.size);
	return n.sorted;
}

function find(root, names) {
	let n = root;

	for (const name of names)
		if (!(n = n.children.get(name)))
			return null;
	return n;
}

function namesTo(n) {
	const names = [];

	for (; n.parent; n = n.parent)
		names.unshift(n.name);
	return names;
}

// Squarified treemaps (Bruls, Huizing, van Wijk 2000): rows as long as their cells get squarer.
function squarify(items, {x, y, w, h}) {
	const out = [], all = items.reduce((sum, i) => sum + i.size, 0), scale = w * h / all;

	for (let i = 0; i < items.length && w > 0 && h > 0;) {
		const side = Math.min(w, h), first = items[i].size * scale;
		let end = i, area = 0, worst = Infinity, at = 0;

		for (; end < items.length; end++) {
			const last = items[end].size * scale, sum = area + last;
			const ratio = Math.max(side * side * first / (sum * sum), sum * sum / (side * side * last));

			if (ratio > worst)
				break;
			worst = ratio;
			area = sum;
		}
		const thick = area / side;

		for (; i < end; i++) {
			const long = items[i].size * scale / thick;

			out.push({item: items[i], box: w >= h ? {x, y: y + at, w: thick, h: long}
				: {x: x + at, y, w: long, h: thick}});
			at += long;
		}
		if (w >= h)
			x += thick, w -= thick;
		else
			y += thick, h -= thick;
	}
	return out;
}

const AREA_MIN = 300; // square pixels; what is smaller comes together as one cell

function cellsIn(n, box, cells) {
	const items = childrenOf(n), scale = box.w * box.h / n.size;
	const large = items.filter(i => i.size * scale >= AREA_MIN);
	const small = items.slice(large.length);

	if (small.length)
		large.push({small, size: small.reduce((sum, i) => sum + i.size, 0), hue: small[0].hue});
	for (const {item, box: b} of squarify(large, box)) {
		let inner = item, label = item.small ? plural(small.length, "smaller one") : item.name;

		// A folder that holds one folder alone is no step worth taking.
		while (!item.small && inner.children.size === 1 && !inner.row && !childrenOf(inner)[0].row)
			inner = childrenOf(inner)[0], label += "/" + inner.name;
		const folder = !item.small && !item.row;

		cells.push({item, inner, label, folder, box: b});
		if (folder && b.w > 44 && b.h > 44)
			cellsIn(inner, {x: b.x + 3, y: b.y + 18, w: b.w - 6, h: b.h - 21}, cells);
	}
}

function makeCell(cell, map, all) {
	const {item, inner, label, folder, box: b} = cell;
	const words = `${shown(item.small ? label : "/" + namesTo(item).join("/"))}, ${size(item.size)}, ${percent(item.size, all)}`;
	const e = make("button", {type: "button", tabIndex: -1, title: words + (item.row?.why ? "\n" + shown(item.row.why) : ""),
		"aria-label": (folder ? "folder " : "") + words,
		className: "cell" + (folder ? " folder" : "") + (item.hue < 0 ? " none" : ""),
		click: () => folder ? zoom(namesTo(inner), map) : item.row ? choose(item.row)
			: item.small[0].parent === map.shownNode ? null : zoom(namesTo(item.small[0].parent), map)});

	if (b.w > 30 && b.h > 15)
		e.append(make("span", {className: "name"}, shown(label)));
	if (!folder && b.w > 50 && b.h > 34)
		e.append(make("b", {}, size(item.size)));
	Object.assign(e.style, {left: b.x + "px", top: b.y + "px", width: b.w + "px", height: b.h + "px"});
	e.style.setProperty("--hue", Math.max(item.hue, 0));
	cell.element = e;
	return e;
}

function drawMap(map) {
	const width = map.element.clientWidth, n = find(map.root, place);
	const height = Math.round(Math.min(640, Math.max(300, innerHeight * 0.62)) * map.scale());

	map.shownNode = n;
	map.cells = [];
	map.element.style.height = height + "px";
	if (n?.size)
		cellsIn(n, {x: 0, y: 0, w: width, h: height}, map.cells);
	map.element.replaceChildren(...map.cells.map(c => makeCell(c, map, map.root.size)));
	if (!map.cells.length)
		map.element.append(make("p", {className: "quiet"}, "nothing here"));
	else
		map.cells[0].element.tabIndex = 0;
	dimMap(map);
}

// What the search did not find fades: the cells of neither a hit nor a folder around one.
function dimMap(map) {
	const lit = new Set();

	for (const row of hits || [])
		for (let n of row.nodes)
			for (; n && !lit.has(n); n = n.parent)
				lit.add(n);
	for (const c of map.cells)
		c.element.classList.toggle("dim", hits !== null &&
			!(c.item.small ? c.item.small.some(n => lit.has(n)) : lit.has(c.item)));
}

function nearest(cells, from, key) {
	const [dx, dy] = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[key];
	let best = null, least = Infinity;

	for (const c of cells) {
		const x = c.box.x - from.box.x, y = c.box.y - from.box.y;
		const ahead = x * dx + y * dy, far = ahead + 3 * Math.abs(x * dy + y * dx);

		if (ahead > 0 && far < least)
			best = c, least = far;
	}
	return best;
}

function walkMap(map, event) {
	const from = map.cells.find(c => c.element === document.activeElement);

	if (event.key === "Escape" || event.key === "Backspace") {
		event.preventDefault();
		if (place.length)
			zoom(namesTo(outOf(map)), map);
	} else if (from && event.key.startsWith("Arrow")) {
		const to = nearest(map.cells, from, event.key);

		event.preventDefault();
		if (!to)
			return;
		from.element.tabIndex = -1;
		to.element.tabIndex = 0;
		to.element.focus();
	}
}

// The folder around the one that is shown, past those that hold nothing else.
function outOf(map) {
	let n = map.shownNode?.parent || map.root;

	while (n.parent && n.children.size === 1)
		n = n.parent;
	return n;
}

function zoom(names, map) {
	const inside = map?.element.contains(document.activeElement);

	place = names;
	drawCrumbs();
	view.maps.forEach(drawMap);
	if (inside)
		(map.cells[0]?.element || $("crumbs").lastChild).focus();
}

function drawCrumbs() {
	$("crumbs").replaceChildren(...["whole image", ...place].map((name, i) => make("button", {
		type: "button", className: "name", click: () => zoom(place.slice(0, i), null),
		...(i === place.length ? {"aria-current": "true"} : {})}, cut(shown(name), 60))));
}

function drawMaps() {
	const most = Math.max(1, ...view.maps.map(m => m.files.reduce((sum, f) => sum + f.size, 0)));

	$("map-part").hidden = !view.maps.length;
	$("maps").className = view.maps.length > 1 ? "two" : "";
	for (const row of view.rows)
		row.nodes = [];
	for (const map of view.maps) {
		map.root = treeOf(map.files);
		// Two maps of one scale: the area is the bytes.
		map.scale = () => view.maps.length > 1 ? Math.max(0.12, map.root.size / most) : 1;
		map.element = make("div", {className: "map", role: "group", "aria-label": `Treemap ${map.title}`});
		map.element.addEventListener("keydown", event => walkMap(map, event));
	}
	$("maps").replaceChildren(...view.maps.map(m => make("div", {}, ...(m.title
		? [make("h3", {}, `${m.title}: ${size(m.root.size)} in ${plural(m.root.files, "file")}`)] : []), m.element)));
	zoom([], null);
}

// ---- files, and one of them ----

function drawRows() {
	const rows = hits || view.rows;

	$("files").querySelector("thead tr").replaceChildren(...view.columns.map(([title, kind]) =>
		make("th", {className: kind}, title)));
	$("files").querySelector("tbody").replaceChildren(...rows.slice(0, limit).map(row =>
		make("tr", {}, ...view.columns.map(([, kind, text]) => make("td", {className: kind}, text ? text(row)
			: make("button", {type: "button", className: "link name", click: () => choose(row)}, shown(row.path)))))));
	$("more").hidden = rows.length <= limit;
	$("found").textContent = hits ? `${plural(hits.length, "file")} found` : "";
}

function search() {
	const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);

	hits = words.length ? view.rows.filter(r => words.every(w => r.text.includes(w))) : null;
	limit = 20;
	drawRows();
	view.maps.forEach(dimMap);
}

function choose(row) {
	const links = needsOf(row.path), list = (objects, between) => objects.flatMap((o, i) =>
		[i ? between : "", make("button", {type: "button", className: "link name", click: () => chooseObject(o)}, shown(o.name))]);
	const facts = [...row.facts, ["the way to it", list(links.way, " → ")],
		["needed by", list(links.by, ", ")], ["needs", list(links.needs, ", ")]];

	$("detail").hidden = false;
	$("detail").replaceChildren(make("button", {type: "button", click: () => $("detail").hidden = true}, "close"), make("strong", {className: "name"}, shown(row.path)), make("dl", {},
		...facts.filter(f => f[1].length).flatMap(([name, value]) =>
			[make("dt", {}, name), make("dd", {className: "name"}, ...[value].flat())])));
}

// ---- who needs whom ----

const programs = () => (view.image?.programs || []).filter(p => p.objects?.length);

function needed(p, o) {
	if (!p.needs) {
		p.needs = new Map();
		for (const x of p.objects)
			for (const name of x.wanted_by)
				p.needs.set(name, [...p.needs.get(name) || [], x]);
	}
	return p.needs.get(o.name) || [];
}

// The shortest way from the program to the object.
function wayTo(p, object) {
	const from = new Map([[p.objects[0], null]]), way = [];

	for (const o of from.keys()) // what is added on the way is visited, too
		for (const x of needed(p, o))
			if (!from.has(x))
				from.set(x, o);
	for (let o = object; o; o = from.get(o))
		way.unshift(o);
	return way;
}

function needsOf(path) {
	for (const p of programs()) {
		const o = p.objects.find(x => x.path === path), way = o ? wayTo(p, o) : [];

		if (o)
			return {by: p.objects.filter(x => o.wanted_by.includes(x.name)), needs: needed(p, o),
				way: way.length > 2 ? way : []};
	}
	return {by: [], needs: [], way: []};
}

function chooseObject(o) {
	const row = view.rows.find(r => r.path === o.path);

	if (row)
		choose(row);
}

// Opened one by one, so that circles end.
function needsItem(p, o, open) {
	const children = needed(p, o), row = view.rows.find(r => r.path === o.path);
	const words = [make("button", {type: "button", className: "link name", click: () => chooseObject(o)}, shown(o.name)),
		" ", make("span", {className: "quiet name"}, [o.path ? row && size(row.size) : "not found", o.hidden,
			o.rule].filter(Boolean).map(shown).join(" · "))];

	if (!children.length)
		return make("li", {}, make("div", {className: "leaf"}, ...words));
	const list = make("ul"), details = make("details", {}, make("summary", {}, ...words), list);
	const fill = () => list.children.length || list.append(...children.map(c => needsItem(p, c, false)));

	details.addEventListener("toggle", fill);
	if (open)
		fill(), details.open = true;
	return make("li", {}, details);
}

// Objects in columns by how many steps they are from the program; each column in the order of
// those that need them.
function columnsOf(p) {
	const depth = new Map([[p.objects[0], 0]]), columns = [[p.objects[0]]];

	for (let i = 0; i < columns.length; i++) {
		for (const o of columns[i])
			for (const x of needed(p, o))
				if (!depth.has(x)) {
					depth.set(x, i + 1);
					(columns[i + 1] ??= []).push(x);
				}
	}
	const rest = p.objects.filter(o => !depth.has(o));

	if (rest.length)
		(columns[1] ??= []).push(...rest);
	return columns;
}

function drawGraph(p) {
	const W = 190, H = 26, GAP = 70, ROW = 38, at = new Map(), columns = columnsOf(p);
	const rows = Math.max(...columns.map(c => c.length)), edges = [], boxes = [];

	columns.forEach((c, x) => c.forEach((o, y) => at.set(o, {x: 10 + x * (W + GAP), y: 10 + (y + (rows - c.length) / 2) * ROW})));
	for (const o of p.objects)
		for (const x of needed(p, o)) {
			const a = at.get(o), b = at.get(x), bend = b.x > a.x ? GAP / 2 : GAP, end = b.x > a.x ? b.x : b.x + W;

			edges.push({o, x, path: draw("path", {class: x.hidden ? "hidden" : "", d: `M${a.x + W} ${a.y + H / 2}C${a.x + W + bend} ${
				a.y + H / 2} ${end + (b.x > a.x ? -bend : bend)} ${b.y + H / 2} ${end} ${b.y + H / 2}`})});
		}
	for (const o of p.objects) {
		const {x, y} = at.get(o), g = draw("g", {tabindex: 0, role: "button", class: o.path ? "" : "missing"},
			draw("title", {}, shown(o.path || o.name + ": not found")), draw("rect", {x, y, width: W, height: H, rx: 5}),
			draw("text", {x: x + 8, y: y + 17}, cut(shown(base(o.name)), 25)));
		const light = () => {
			edges.forEach(e => e.path.classList.toggle("lit", e.o === o || e.x === o));
			boxes.forEach(b => b.g.classList.toggle("lit", b.o === o || edges.some(e =>
				e.o === o && e.x === b.o || e.x === o && e.o === b.o)));
		};

		g.addEventListener("pointerenter", light);
		g.addEventListener("focus", light);
		g.addEventListener("click", () => (light(), chooseObject(o)));
		g.addEventListener("keydown", event => event.key === "Enter" && chooseObject(o));
		boxes.push({o, g});
	}
	const width = columns.length * (W + GAP), height = rows * ROW + 20;

	$("graph").replaceChildren(draw("svg", {width, height, viewBox: `0 0 ${width} ${height}`},
		...edges.map(e => e.path), ...boxes.map(b => b.g)));
}

function drawNeeds() {
	const all = programs(), show = p => {
		$("needs").replaceChildren(make("ul", {}, needsItem(p, p.objects[0], true)));
		drawGraph(p);
	};

	$("graph-part").hidden = !all.length;
	$("programs").replaceChildren();
	if (!all.length)
		return;
	if (all.length > 1) {
		const select = make("select", {}, ...all.map((p, i) => make("option", {value: i}, shown(`${p.path} (${p.why})`))));

		select.addEventListener("change", () => show(all[select.value]));
		$("programs").append(make("label", {}, "Program ", select));
	}
	show(all[0]);
}

// ---- the rest ----

function definitions(title, pairs) {
	const kept = pairs.filter(([, value]) => value !== null && value !== undefined && value.length !== 0);

	return kept.length ? [make("h2", {}, title), make("dl", {}, ...kept.flatMap(([name, value]) =>
		[make("dt", {}, name), ...[value].flat().map((v, i) => make("dd", {className: "name"},
			shown(v))).flatMap((dd, i) => i ? [make("dt"), dd] : [dd])]))] : [];
}

function inspectRest(image) {
	const c = image.config, words = w => w.length ? JSON.stringify(w) : null;
	const troubles = image.programs.filter(p => p.trouble).map(p => `${p.word}: ${p.trouble}`);

	return [
		...definitions("Would not start", [["trouble", troubles]]),
		...definitions("Layers, from the lowest up", image.layers.map((l, i) => [`${i}`,
			`${size(l.size)} compressed, ${size(l.raw_size)} plain, ${plural(l.files, "file")} · ${
				l.comment || l.created_by || ""} · ${l.digest}`])),
		...definitions("Config", [["entrypoint", words(c.entrypoint)], ["cmd", words(c.cmd)], ["env", c.env],
			["user", c.user], ["workdir", c.workdir], ["ports", c.ports], ["volumes", c.volumes],
			["stop signal", c.stop_signal], ["created", c.created],
			["labels", Object.entries(c.labels).map(([k, v]) => `${k}=${v}`)], ["manifest", image.digest]]),
	];
}

function diffRest(p) {
	return [
		...definitions("The update", p.in === "a" ? [] : [["download", size(p.download)],
			["fetched again", p.layers_again ? `${size(p.fetched_again)} more where layers are reused only above equal ones` : null],
			["layers", `${p.layers_new} new, ${p.layers_shared} already there`]]),
		...definitions("Config", [["changes", p.config]]),
	];
}

// ---- the whole ----

function showView(v) {
	view = v;
	hits = null;
	$("search").value = "";
	$("detail").hidden = true;
	v.rows.sort((a, b) => b.weight - a.weight || (a.path < b.path ? -1 : 1));
	[...$("platforms").children].forEach((e, i) => e.setAttribute("aria-pressed", views[i] === v));
	drawMaps();
	search();
	drawNeeds();
	$("rest").replaceChildren(...(v.image ? inspectRest(v.image) : diffRest(v.diff)));
}

function card(v, most) {
	const bar = make("span", {className: "bar"}, ...v.bars.filter(b => b.size).map(b => {
		const i = make("i");

		i.style.setProperty("--hue", b.hue);
		i.style.width = 100 * b.size / most + "%";
		return i;
	}));

	return make("button", {type: "button", click: () => showView(v)}, make("strong", {className: "name"}, shown(v.name)),
		bar, ...v.words.map(w => make("span", {className: "quiet"}, w)));
}

const most = Math.max(1, ...views.map(v => v.size));
const others = data.platforms ? 0 : data.images.length - views.length;

document.title = shown(data.platforms ? "imgmin diff" : data.name);
$("name").textContent = data.platforms ? [data.a, data.b].map(s => shown(s.split("@")[0])).join(" → ") : shown(data.name);
$("about").textContent = data.platforms ? [data.a, data.b].map(s => shown(s.split("@")[1])).join(" → ") : data.digest + (others ? ` · and ${plural(others, "artifact")} beside the images` : "");
$("files-title").textContent = data.platforms ? "Files that change most" : "Largest files";
$("platforms").append(...views.map(v => card(v, most)));
if (data.platforms)
	$("legend").append(...["removed", "added", "content", "metadata", "same"].map(kind => {
		const mark = make("i", {className: kinds[kind].hue < 0 ? "none" : ""});

		mark.style.setProperty("--hue", kinds[kind].hue);
		return make("span", {}, mark, " " + kind);
	}));
$("search").addEventListener("input", search);
$("more").addEventListener("click", () => (limit += 200, drawRows()));
if (views.length)
	showView(views[0]);
else
	document.querySelectorAll("section").forEach(s => s.hidden = true);
let width = innerWidth;

addEventListener("resize", () => {
	if (innerWidth !== width && view)
		width = innerWidth, view.maps.forEach(drawMap);
});
})();
