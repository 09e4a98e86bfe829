import argparse
p=argparse.ArgumentParser(description="x"); p.add_argument("--n",type=int,default=3); p.print_help(); print(p.parse_args(["--n","4"]).n)
try: p.parse_args(["--n","q"])
except SystemExit as e: print("exit",e.code)
