//! Shows an image and what changes, and says why a value must not be used.
use std::io::Result;
use std::time::Duration;

use cpc_image::{Journal, Reader, Value, OLDEST};

fn main() -> Result<()> {
    let argument = |number| std::env::args().nth(number);
    let name = argument(1).unwrap_or_else(|| "opcua_image".into());
    let journal_name = argument(2).unwrap_or_else(|| name.replace("_image", "_journal"));
    let rounds = argument(3).and_then(|rounds| rounds.parse().ok()).unwrap_or(u64::MAX);
    let mut reader = Reader::new(&name);
    let mut journal = Journal::open(&journal_name)?;
    let mut cursor = OLDEST;
    for _ in 0..rounds {
        reader.wait(Duration::from_secs(10));
        let image = reader.image()?;
        for (index, server) in image.servers.iter().enumerate() {
            let state = image.server_state(index)?;
            println!("{}: connection {} {}", image.text(server.alias), state.connection, state.error());
            for group in server.first_group..server.first_group + server.group_count {
                for reading in image.snapshot(group as usize)?.readings() {
                    let (key, unit) = (image.text(reading.point.key), image.text(reading.point.unit));
                    match reading.usable(Duration::from_secs(10), false) {
                        Ok(()) => println!("  {key} = {} {unit}", text(&reading.value)),
                        Err(why) => println!("  {key}: not usable, {why} (status {:08x})", reading.record.status),
                    }
                }
            }
        }
        for change in journal.since(&mut cursor, 1000)? {
            let key =
                image.point_of(&change).map_or("another generation's point".into(), |point| image.text(point.key));
            println!("  {key} became {} ({} changes lost before)", text(&change.value), change.lost);
        }
    }
    Ok(())
}

fn text(value: &Value) -> String {
    match value {
        Value::Signed(value) => value.to_string(),
        Value::Unsigned(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::Text(value) => value.clone(),
        value => format!("{value:?}"),
    }
}
