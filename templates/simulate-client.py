# Does what simulate-client.cjs does, for images that have Python but no Node.
import http.client
import json
import os
import shutil
import sys
import time

PORT = 4743


def ask(method, where, seconds):
    began = time.monotonic()
    status, error = None, None
    try:
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=seconds)
        connection.request(method, where)
        response = connection.getresponse()
        response.read()
        status = response.status
    except TimeoutError:
        error = "timeout"
    except Exception as problem:
        error = str(problem)
    return {"status": status, "error": error, "seconds": time.monotonic() - began}


def ready(where, seconds_for_one, seconds_for_all):
    until = time.monotonic() + seconds_for_all
    while True:
        answer = ask("GET", where, seconds_for_one)
        status = answer["status"] or 0
        if status == 200 or 300 <= status < 400 or answer["error"] == "timeout" or time.monotonic() > until:
            return answer
        time.sleep(0.25)


def empty(folders):
    for folder in folders:
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.remove(path)
    return {"status": None, "error": None, "seconds": 0}


what, *rest = sys.argv[1:]
if what == "ask":
    result = ask(rest[0], rest[1], float(rest[2]))
elif what == "ready":
    result = ready(rest[0], float(rest[1]), float(rest[2]))
else:
    result = empty(rest)
print(json.dumps(result))
