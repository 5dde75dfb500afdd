// SPDX-License-Identifier: Apache-2.0
const { Worker, isMainThread, parentPort } = require("worker_threads");
if (isMainThread) {
  const worker = new Worker(__filename);
  worker.on("message", (sum) => console.log(sum));
} else {
  let list = [];
  for (let i = 0; i < 50000; i++) list.push({ i, s: "x" + i });
  parentPort.postMessage(list.reduce((sum, one) => sum + one.i, 0));
}
