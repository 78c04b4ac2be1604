// SPDX-License-Identifier: MIT

// Channels of Rust, with calls of C for bench_rust.c.

macro_rules! channel {
    ($library:ident: $send:ident, $recv:ident;
     $create:ident, $put:ident, $get:ident, $destroy:ident) => {
        pub mod $library {
            use ::$library::*;

            pub struct Channel(Sender<usize>, Receiver<usize>);

            #[no_mangle]
            pub extern "C" fn $create(capacity: usize, limit: bool) -> Box<Channel> {
                let (to, from) = if limit { bounded(capacity) } else { unbounded() };
                Box::new(Channel(to, from))
            }

            #[no_mangle]
            pub extern "C" fn $put(channel: &Channel, item: usize) {
                channel.0.$send(item).unwrap()
            }

            #[no_mangle]
            pub extern "C" fn $get(channel: &Channel) -> usize {
                channel.1.$recv().unwrap()
            }

            #[no_mangle]
            pub extern "C" fn $destroy(_: Box<Channel>) {}
        }
    };
}

channel!(crossbeam_channel: send, recv;
    rust_crossbeam_create, rust_crossbeam_put, rust_crossbeam_get, rust_crossbeam_destroy);
channel!(async_channel: send_blocking, recv_blocking;
    rust_async_create, rust_async_put, rust_async_get, rust_async_destroy);
