// Plays the platform in a simulation: sends HTTP requests and empties folders. The image's own Node runs it in the container.
// argv: ask METHOD PATH SECONDS | ready PATH SECONDS_FOR_ONE SECONDS_FOR_ALL | empty FOLDER…; prints one line of JSON.
const http = require("node:http");
const fs = require("node:fs");
const path = require("node:path");

const port = 4743;

const ask = (method, where, seconds) =>
  new Promise((resolve) => {
    const began = Date.now();
    const answer = (fields) =>
      resolve({ status: null, error: null, seconds: (Date.now() - began) / 1000, ...fields });
    const request = http.request(
      { host: "127.0.0.1", port, method, path: where, agent: false },
      (response) => {
        response.resume();
        response.on("end", () => answer({ status: response.statusCode }));
        response.on("error", (error) => answer({ error: error.code || error.message }));
      },
    );
    const timer = setTimeout(() => request.destroy(new Error("timeout")), seconds * 1000);
    request.on("error", (error) => answer({ error: error.code || error.message }));
    request.on("close", () => clearTimeout(timer));
    request.end();
  });

const ready = async (where, secondsForOne, secondsForAll) => {
  const until = Date.now() + secondsForAll * 1000;
  for (;;) {
    const answer = await ask("GET", where, secondsForOne);
    const isFinal =
      answer.status === 200 || (answer.status >= 300 && answer.status < 400) || answer.error === "timeout";
    if (isFinal || Date.now() > until) return answer;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
};

const empty = async (folders) => {
  for (const folder of folders)
    for (const name of fs.readdirSync(folder))
      fs.rmSync(path.join(folder, name), { recursive: true, force: true });
  return { status: null, error: null, seconds: 0 };
};

const main = async ([what, ...rest]) => {
  if (what === "ask") return ask(rest[0], rest[1], Number(rest[2]));
  if (what === "ready") return ready(rest[0], Number(rest[1]), Number(rest[2]));
  return empty(rest);
};

main(process.argv.slice(1)).then((answer) => console.log(JSON.stringify(answer)));
