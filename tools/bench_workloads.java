// SPDX-License-Identifier: MIT

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;

/*
 * What is done with a queue of Java.  How this is called is in bench_program.h;
 * the loops are those of bench_queue.h.  An item is one of some objects made
 * before, as elsewhere it is a pointer.
 */
class bench_workloads implements Runnable {
	/* What an adapter must bring; the ends of a queue are items that say so. */
	interface Queue<T> {
		void put(T item) throws InterruptedException;
		T take() throws InterruptedException;
	}

	interface Adapter {
		<T> Queue<T> create(String kind, int capacity);
	}

	static final int STEP = 1000, STEPS = 100; // of the window
	static final int LINE = 16; // words of a count and what keeps others off
	static final Integer END = -1;
	static final int SLEEP = 50000; // BENCH_SLEEP
	static final int TIME = 0x3fffffff; // as much of it as an item holds
	static final Integer[] objects = new Integer[1024];
	static boolean unbounded;
	static String shape;
	static int producers, consumers;
	static volatile boolean timed, stop; // first the one, then the other
	static Thread[] threads;
	static final long[] times = new long[1 << 20]; // of single items; one worker's
	static int n_times;
	static int size; // of an item
	static int pace; // ns from an item to the next
	static volatile long waited; // CPU time until it was time for an item
	static AtomicLongArray items;
	static Queue<Integer> there, back;
	static Queue<long[]> sized;
	static final Semaphore window = new Semaphore(STEPS);

	final int me;
	long sent, got;

	bench_workloads(int me)
	{
		this.me = me;
	}

	void produce() throws InterruptedException
	{
		for (int n = 0; !stop; n++) {
			if (unbounded && n % STEP == 0)
				window.acquire();
			Integer item = objects[n & 1023];
			sent += item;
			there.put(item);
		}
	}

	void consume() throws InterruptedException
	{
		long n = 0;
		for (Integer item; (item = there.take()) != END;) {
			got += item;
			items.setOpaque(me * LINE, ++n);
			if (unbounded && n % STEP == 0)
				window.release();
		}
	}

	void ask(Queue<Integer> answers) throws InterruptedException
	{
		for (int n = 0; !stop && !timed;) {
			Integer item = objects[n & 1023];
			sent += item;
			there.put(item);
			got += answers.take();
			items.setOpaque(me * LINE, ++n);
		}
	}

	/* What a producer does until it is time for the next item does not count. */
	void producePaced() throws InterruptedException
	{
		var threads = ManagementFactory.getThreadMXBean();
		long reading = Long.MAX_VALUE, next = System.nanoTime();
		while (!stop) {
			long before = threads.getCurrentThreadCpuTime();
			reading = Math.min(reading, threads.getCurrentThreadCpuTime() - before);
			next += pace;
			if (pace >= SLEEP)
				LockSupport.parkNanos(next - System.nanoTime());
			while (System.nanoTime() < next)
				Thread.onSpinWait();
			waited += threads.getCurrentThreadCpuTime() - before + reading;
			int item = (int)System.nanoTime() & TIME;
			sent += item;
			there.put(item);
		}
	}

	void consumePaced() throws InterruptedException
	{
		long n = 0;
		for (Integer item; (item = there.take()) != END;) {
			if (timed)
				record((int)System.nanoTime() - item & TIME);
			got += item;
			items.setOpaque(me * LINE, ++n);
		}
	}

	/* An item is a number, repeated. */
	void produceSized() throws InterruptedException
	{
		for (long n = 1; !stop; n++) {
			var item = new long[size / Long.BYTES];
			Arrays.fill(item, n);
			sent += n;
			sized.put(item);
		}
		for (int i = 0; i < consumers; i++)
			sized.put(new long[1]);
	}

	void consumeSized() throws InterruptedException
	{
		long n = 0;
		for (long[] item; (item = sized.take())[0] != 0;) {
			got += item[item.length - 1];
			items.setOpaque(me * LINE, ++n);
		}
	}

	static void record(long ns)
	{
		if (n_times < times.length)
			times[n_times++] = ns;
	}

	static long percentile(double share)
	{
		return times[(int)(share * n_times)];
	}

	void askTimed() throws InterruptedException
	{
		while (!stop) {
			long begin = System.nanoTime();
			sent += 1;
			there.put(objects[1]);
			got += back.take();
			record(System.nanoTime() - begin);
			items.setOpaque(me * LINE, items.getOpaque(me * LINE) + 1);
		}
	}

	void answer() throws InterruptedException
	{
		for (Integer item; (item = there.take()) != END;)
			back.put(item);
	}

	public void run()
	{
		try {
			if (shape.equals("flow") && me < producers)
				produce();
			else if (shape.equals("flow"))
				consume();
			else if (shape.equals("paced") && me < producers)
				producePaced();
			else if (shape.equals("paced"))
				consumePaced();
			else if (shape.equals("sized") && me < producers)
				produceSized();
			else if (shape.equals("sized"))
				consumeSized();
			else if (shape.equals("solo"))
				ask(there);
			else if (me < producers) {
				ask(back);
				askTimed();
			} else
				answer();
		} catch (InterruptedException e) {
			throw new AssertionError(e);
		}
	}

	/* That of the process has steps of 10 ms, more than what is left of it when
	 * what a producer waits does not count: there, that of the workers. */
	static long cpuTime()
	{
		var all = (OperatingSystemMXBean)ManagementFactory.getOperatingSystemMXBean();
		var single = ManagementFactory.getThreadMXBean();
		long ns = -waited;
		if (!shape.equals("paced"))
			return all.getProcessCpuTime();
		for (Thread thread : threads)
			ns += single.getThreadCpuTime(thread.getId());
		return ns;
	}

	/* Clock, CPU time, items so far. */
	static long[] read()
	{
		long n = 0;
		for (int i = 0; i < producers + consumers; i++)
			n += items.getOpaque(i * LINE);
		return new long[] {System.nanoTime(), cpuTime(), n};
	}

	static void run(String[] args, Adapter adapter) throws InterruptedException
	{
		int capacity = Integer.parseInt(args[2]);
		unbounded = args[0].equals("unbounded");
		shape = args[1];
		if (shape.equals("shutdown"))
			System.exit(127); // there is none
		producers = Integer.parseInt(args[3]);
		consumers = Integer.parseInt(args[4]);
		long ms = (long)Math.ceil(1000 * Double.parseDouble(args[5]));
		pace = Integer.parseInt(args[6]);
		size = Integer.parseInt(args[7]);
		there = adapter.create(args[0], capacity);
		back = adapter.create(args[0], capacity);
		sized = adapter.create(args[0], capacity);
		items = new AtomicLongArray((producers + consumers) * LINE);
		for (int i = 0; i < objects.length; i++)
			objects[i] = i;
		var workers = new bench_workloads[producers + consumers];
		threads = new Thread[workers.length];
		for (int i = 0; i < workers.length; i++) {
			threads[i] = new Thread(workers[i] = new bench_workloads(i));
			threads[i].start();
		}
		read();
		Thread.sleep(200 + 2 * ms); // it is compiled meanwhile
		timed = shape.equals("paced");
		long[] before = read(), after;
		do {
			Thread.sleep(ms);
			after = read();
		} while (after[2] == before[2]);
		if (shape.equals("roundtrip")) {
			timed = true;
			for (long n = read()[2]; read()[2] < n + 2;)
				Thread.sleep(ms);
		}
		stop = true;
		for (int i = 0; i < producers; i++)
			threads[i].join();
		for (int i = 0; i < consumers; i++)
			there.put(END);
		long sum = 0;
		for (int i = 0; i < threads.length; i++) {
			threads[i].join();
			sum += workers[i].sent - workers[i].got;
		}
		if (sum != 0)
			throw new AssertionError("not the items that were put came out");
		double n = after[2] - before[2];
		System.out.println((after[0] - before[0]) / n + " " +
				   (after[1] - before[1]) / n + " " + (long)n);
		if (n_times == 0)
			return;
		Arrays.sort(times, 0, n_times);
		System.out.println(percentile(0.5) + " " + percentile(0.99) + " " +
				   percentile(0.999));
	}
}
