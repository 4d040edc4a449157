// Drives a real Chromium: reads tasks as JSON from stdin, answers one JSON line for each.
//   {url, width, height, scheme, steps: [[name, …]], ask, axe, shot, scale}
// An answer tells what `ask` evaluates to, and everything a page must not do: dialogs, errors,
// requests beyond file://, axe's findings.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const modules = process.argv[2];
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const steps = {
  fill: (page, selector, text) => page.fill(selector, text),
  press: (page, selector, key) => page.press(selector, key),
  key: (page, key) => page.keyboard.press(key),
  click: (page, selector) => page.click(selector),
  wait: (page, expression) => page.waitForFunction(expression, null, { timeout: 20000 }),
  reload: (page) => page.reload(),
};

const browser = await chromium.launch({
  executablePath: process.env.PERDURE_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--font-render-hinting=none"],
});
for (const task of JSON.parse(readFileSync(0, "utf8"))) {
  const answer = { dialogs: [], errors: [], outside: [] };
  const context = await browser.newContext({
    viewport: { width: task.width ?? 1280, height: task.height ?? 900 },
    colorScheme: task.scheme ?? "light", reducedMotion: "reduce",
    deviceScaleFactor: task.scale ?? 1,
  });
  const page = await context.newPage();
  page.on("dialog", (dialog) => { answer.dialogs.push(dialog.message()); dialog.dismiss(); });
  page.on("pageerror", (error) => answer.errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") answer.errors.push(message.text());
  });
  page.on("request", (request) => {
    if (!/^(file|data|about):/.test(request.url())) answer.outside.push(request.url());
  });
  try {
    await page.goto(task.url, { waitUntil: "load" });
    for (const [name, ...words] of task.steps ?? []) await steps[name](page, ...words);
    if (task.ask) answer.value = await page.evaluate(task.ask);
    answer.overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
    if (task.axe) {
      await page.evaluate(axe);
      const found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})");
      answer.axe = found.violations.map((v) =>
        `${v.impact} ${v.id}: ${v.help}; ${v.nodes.slice(0, 3).map((n) => n.html).join(" | ")}`);
    }
    if (task.shot) await page.screenshot({ path: task.shot });
  } catch (error) {
    answer.failed = String(error.message).slice(0, 500);
  }
  console.log(JSON.stringify(answer));
  await context.close();
}
await browser.close();
