// SPDX-License-Identifier: MIT

// Channels of Rust, with calls of C for bench_rust.c.

const BENCH_END: usize = 1;

macro_rules! channel {
    ($library:ident: $send:ident, $recv:ident;
     $create:ident, $put:ident, $get:ident, $close:ident, $destroy:ident) => {
        pub mod $library {
            use ::$library::*;
            use super::BENCH_END;
            use std::cell::UnsafeCell;

            // None when it is closed, which nobody does while others put.
            pub struct Channel(UnsafeCell<Option<Sender<usize>>>, Receiver<usize>);

            #[no_mangle]
            pub extern "C" fn $create(capacity: usize, limit: bool) -> Box<Channel> {
                let (to, from) = if limit { bounded(capacity) } else { unbounded() };
                Box::new(Channel(UnsafeCell::new(Some(to)), from))
            }

            #[no_mangle]
            pub extern "C" fn $put(channel: &Channel, item: usize) {
                let to = unsafe { (*channel.0.get()).as_ref().unwrap_unchecked() };
                to.$send(item).unwrap()
            }

            #[no_mangle]
            pub extern "C" fn $get(channel: &Channel) -> usize {
                channel.1.$recv().unwrap_or(BENCH_END)
            }

            #[no_mangle]
            pub extern "C" fn $close(channel: &Channel) {
                unsafe { *channel.0.get() = None }
            }

            #[no_mangle]
            pub extern "C" fn $destroy(_: Box<Channel>) {}
        }
    };
}

channel!(crossbeam_channel: send, recv;
    rust_crossbeam_create, rust_crossbeam_put, rust_crossbeam_get,
    rust_crossbeam_close, rust_crossbeam_destroy);
channel!(async_channel: send_blocking, recv_blocking;
    rust_async_create, rust_async_put, rust_async_get,
    rust_async_close, rust_async_destroy);
