// SPDX-License-Identifier: MIT

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.LinkedTransferQueue;

/*
 * Java's ArrayBlockingQueue, and its LinkedTransferQueue where the kind is
 * unbounded or rendezvous.  Put and take are their own, with nothing between; and
 * of these classes only one is loaded, so that they can be compiled into the loops.
 */
class bench_java {
	static class Bounded<T> extends ArrayBlockingQueue<T>
		implements bench_workloads.Queue<T> {
		Bounded(int capacity)
		{
			super(capacity);
		}
	}

	static class Unbounded<T> extends LinkedTransferQueue<T>
		implements bench_workloads.Queue<T> {
	}

	static class Rendezvous<T> extends LinkedTransferQueue<T>
		implements bench_workloads.Queue<T> {
		public void put(T item)
		{
			try {
				transfer(item);
			} catch (InterruptedException e) {
				throw new AssertionError(e);
			}
		}
	}

	static <T> bench_workloads.Queue<T> create(String kind, int capacity)
	{
		switch (kind) {
		case "unbounded":
			return new Unbounded<>();
		case "rendezvous":
			return new Rendezvous<>();
		default:
			return new Bounded<>(capacity);
		}
	}

	public static void main(String[] args) throws InterruptedException
	{
		bench_workloads.run(args, bench_java::create);
	}
}
