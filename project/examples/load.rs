//! Loads a project and says how long it took.
use std::path::Path;
use std::time::Instant;
fn main() {
    let root = std::env::args().nth(1).unwrap();
    let start = Instant::now();
    match refuel_project::Project::load(Path::new(&root), &Default::default()) {
        Ok(project) => {
            let took = start.elapsed();
            println!(
                "{} models {} sources {:?}",
                project.models.len(),
                project.sources.len(),
                took
            );
            let start = Instant::now();
            drop(project);
            println!("drop {:?}", start.elapsed());
        }
        Err(errors) => {
            for error in &errors {
                println!("{} {error}\n    {}", error.code(), error.hint().unwrap_or_default());
            }
        }
    }
}
