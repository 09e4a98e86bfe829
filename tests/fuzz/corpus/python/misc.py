import csv, io, struct, collections, dataclasses, typing, pathlib, random, re, decimal, statistics, uuid, hashlib, configparser, tempfile, shutil, zipfile, tarfile, gzip, pickle, signal, traceback, textwrap, string, itertools, functools, contextlib, enum, fractions, base64, secrets, copy, heapq, queue, glob, os, json
w=csv.writer(io.StringIO()); w.writerow([1,2])
P=collections.namedtuple("P","x y"); print(P(1,2))
@dataclasses.dataclass
class D: a:int=1
print(D(), dataclasses.asdict(D())); print(pickle.loads(pickle.dumps(D())))
random.seed(1); print(random.random(), random.choice([1,2,3])); print(re.sub("a+","b","caat"))
print(decimal.Decimal("1.1")/3, fractions.Fraction(1,3), statistics.mean([1,2,3]))
print(uuid.uuid5(uuid.NAMESPACE_DNS,"x"), hashlib.sha256(b"x").hexdigest(), hashlib.new("md5",b"x").hexdigest())
d=tempfile.mkdtemp(); p=pathlib.Path(d)/"a.txt"; p.write_text("hé"); print(p.read_text(), list(p.parent.glob("*"))[0].name)
with zipfile.ZipFile(d+"/z.zip","w",zipfile.ZIP_DEFLATED) as z: z.write(p,"a.txt")
print(zipfile.ZipFile(d+"/z.zip").namelist())
with tarfile.open(d+"/t.tar.gz","w:gz") as t: t.add(p,"a.txt")
print(tarfile.open(d+"/t.tar.gz").getnames()); print(gzip.decompress(gzip.compress(b"hi")))
print(shutil.make_archive(d+"/arc","zip",d) is not None, shutil.which("python3"))
c=configparser.ConfigParser(); c.read_string("[a]\nb=1"); print(c["a"]["b"])
@functools.singledispatch
def g(x): return 1
@g.register
def _(x:int): return 2
print(g(1),g("")); shutil.rmtree(d)
print("é".encode("latin-1"), "x".encode("cp1252"), b"\xe9".decode("iso-8859-15"), "ü.de".encode("idna"))
@functools.lru_cache
def h(): return 1
print(h(), functools.cached_property)
print(os.path.expandvars("$HOME/x") if "HOME" in os.environ else "none", os.path.expanduser("~root"))
