// SPDX-License-Identifier: MIT

// What the fragment of Rust in man/coqueue_coming_from.7 leaves out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

static SUM: AtomicUsize = AtomicUsize::new(0);

fn add(n: usize) {
    SUM.fetch_add(n, Ordering::Relaxed);
}

fn run<A, B, C>(a: A, b: B, c: C)
where
    A: FnOnce() + Send + 'static,
    B: FnOnce() + Send + 'static,
    C: FnOnce() + Send + 'static,
{
    for each in [thread::spawn(a), thread::spawn(b), thread::spawn(c)] {
        each.join().unwrap();
    }
    println!("{}", SUM.load(Ordering::Relaxed));
}

fn main() {
    FRAGMENT
}
