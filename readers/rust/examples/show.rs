//! Shows an image and what changes: `cargo run --example show -- opcua_image [opcua_journal] [ROUNDS]`. Says why a value must not be used.

use std::time::Duration;

use cpc_image::{Error, Image, Journal, Reader, Value, Wanted};

const WANTED: Wanted = Wanted { max_age: Duration::from_secs(10), accept_uncertain: false };

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "opcua_image".into());
    let journal = arguments.next().unwrap_or_else(|| name.replace("_image", "_journal"));
    let rounds = arguments.next().and_then(|rounds| rounds.parse().ok()).unwrap_or(u64::MAX);
    let mut reader = Reader::new(&name);
    let mut follower = Journal::open(&journal).and_then(|journal| Ok((journal.end()?, journal))).ok();
    for _ in 0..rounds {
        reader.wait(Duration::from_secs(10));
        let shown = reader.image().and_then(|image| {
            show(image)?;
            follower.as_mut().map_or(Ok(()), |(cursor, journal)| {
                let changes = journal.since(cursor, 1000)?;
                println!("{} changes, {} lost", changes.changes.len(), changes.lost);
                changes.changes.iter().for_each(|change| {
                    let key =
                        image.point_of(change).map_or_else(|| change.point.to_string(), |point| point.key.clone());
                    println!("  {key} became {}", text(&change.value));
                });
                Ok(())
            })
        });
        if let Err(error) = shown {
            eprintln!("cannot read {name} because {error}");
        }
    }
}

fn show(image: &Image) -> Result<(), Error> {
    for (index, server) in image.servers.iter().enumerate() {
        let state = image.server_state(index)?;
        println!("{}: connection {} {}", server.alias, state.connection, state.error);
        for group in server.groups() {
            for reading in image.snapshot(group)?.readings() {
                let point = &reading.point;
                match image.usable(&reading, WANTED) {
                    Ok(()) => println!("  {} = {} {}", point.key, text(&reading.value), point.unit),
                    Err(why) => println!("  {}: not usable, {why:?}", point.key),
                }
            }
        }
    }
    Ok(())
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        value => value.as_f64().map_or_else(|| format!("{value:?}"), |number| number.to_string()),
    }
}
