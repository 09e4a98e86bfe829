from flask import Flask, jsonify, request
a=Flask(__name__)
@a.route("/x/<int:n>")
def x(n): return jsonify(n=n,q=request.args.get("q"))
c=a.test_client(); print(c.get("/x/4?q=z").json, c.get("/nope").status)
