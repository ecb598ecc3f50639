// One line per check, as interop/lib/driver.mjs reads them.

export async function report(name, body) {
  try {
    await body();
    console.log(`ok ${name}`);
  } catch (error) {
    console.log(`not ok ${name}: ${String(error?.stack ?? error).replaceAll('\n', ' ')}`);
  }
}
