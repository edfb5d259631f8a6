// Modules of the page, as the browser loads them: plain JavaScript without types.

export async function pageModule<Module>(name: string): Promise<Module> {
  const url = new URL(`../../../packages/monitor/page/${name}`, import.meta.url);
  return (await import(url.href)) as Module;
}
