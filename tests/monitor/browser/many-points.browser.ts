import assert from "node:assert/strict";
import { test } from "node:test";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../packages/image/src/values/status-code.ts";
import { pointOf, serverOf } from "../../image/sample-image.ts";
import { served } from "../http/served.ts";
import { cellOf, openBrowser, openPage } from "./browser.ts";

const watchdog = { timeout: 120_000 };
const patience = { timeout: 30_000 };

test(
  "100,000 points are a list like any other: its end is one key away, a search takes a moment",
  watchdog,
  async (t) => {
    const servers = Array.from({ length: 10 }, (_, index) =>
      serverOf(`Linie ${index}`, ...Array.from({ length: 10_000 }, () => 0)),
    );
    const { port, writer } = await served(t, servers);
    for (const index of writer.image.directory.groups.keys())
      writer.publish(index, (block) => {
        for (let point = 0; point < 10_000; point++) block.setNumber(point, BuiltInType.UInt16, point);
      });
    const beat = setInterval(() => writer.image.beat(), 500);
    t.after(() => clearInterval(beat));
    const browser = await openBrowser(t);
    const { page, complaints } = await openPage(browser, `http://127.0.0.1:${port}/`);
    await page.locator(".shown").getByText("100,000", { exact: true }).waitFor(patience);
    await page.locator("#points-grid").focus();
    await page.keyboard.press("End");
    await cellOf(page, "9999", "value").getByText("9999").waitFor(patience);
    assert.ok((await page.locator("#points-grid .rows .row").count()) < 100, "only what is on the screen exists");
    const begunMs = performance.now();
    await page.getByLabel("Search").fill("linie 7: 4711");
    await page.getByText("1 of 100,000").waitFor(patience);
    t.diagnostic(`found after ${Math.round(performance.now() - begunMs)} ms`);
    assert.equal(await cellOf(page, "4711", "value").textContent(patience), "4711");
    assert.deepEqual(complaints, []);
  },
);

const script = '<img src=x onerror="alert(1)"><script>alert(2)</script>';

test(
  "HTML, control characters and formulas in names and values of a server are text and nothing else",
  watchdog,
  async (t) => {
    const hostile = serverOf(script, 0);
    const points = [
      pointOf(script, { description: script, unit: "<b>", source: "\u001b[31m\u202e", capacityBytes: 200 }),
      pointOf("=1+1|\u202egpj.exe", { capacityBytes: 200 }),
    ];
    const { port, writer } = await served(t, [{ ...hostile, groups: [{ name: "", intervalMs: 1000, points }] }]);
    writer.publish(0, (block) => {
      block.setValue(0, { type: BuiltInType.String, value: script }, StatusCode.Good);
      block.setValue(1, { type: BuiltInType.LocalizedText, value: JSON.stringify({ Text: script }) }, StatusCode.Good);
    });
    const browser = await openBrowser(t);
    const { page, complaints } = await openPage(browser, `http://127.0.0.1:${port}/`);
    const row = page.locator("#points-grid-row-0");
    await row.locator(".value").getByText("alert(2)").waitFor(patience);
    await row.click();
    await page.locator(".legend li").waitFor(patience);
    await page.getByRole("tab", { name: "Servers" }).click();
    await page.locator("#servers-grid .rows .row").first().waitFor(patience);
    assert.equal(await page.locator("img, script:not([type=module])").count(), 0);
    assert.doesNotMatch((await page.locator("body").textContent()) ?? "", /\p{Cf}|(?!\s)\p{Cc}/u);
    assert.deepEqual(complaints, [], "no dialog, no refused resource, no broken policy");
  },
);
