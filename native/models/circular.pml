// A circular buffer: a writer that never waits, and a reader that it overtakes at any moment.
// README.md says what is shown, and which step is which line of the code.
//
// good items of two words: -DN=3 -DLENGTH=2 -DWORDS=2
// good pops of two items: -DN=4 -DLENGTH=3 -DWORDS=1
// good writer killed: -DN=3 -DLENGTH=2 -DWORDS=1 -DKILLS
// long overtaken again and again: -DN=5 -DLENGTH=2 -DWORDS=1
// long writer killed, items of two words: -DN=3 -DLENGTH=2 -DWORDS=2 -DKILLS
// good writer of several items killed: -DN=6 -DLENGTH=4 -DWORDS=1 -DCHUNK=2 -DKILLS
// fault C1: assertion: -DN=3 -DLENGTH=2 -DWORDS=1 -DFAULT_C1
// fault C2: assertion: -DN=3 -DLENGTH=2 -DWORDS=1 -DFAULT_C2
// fault release of C3: assertion: -DN=3 -DLENGTH=2 -DWORDS=1 -DC3=RELAXED
// fault acquire of C4: assertion: -DN=3 -DLENGTH=2 -DWORDS=1 -DC4=RELAXED
// fault C5: assertion: -DN=5 -DLENGTH=2 -DWORDS=1 -DFAULT_C5
// fault reserving first: assertion: -DN=3 -DLENGTH=2 -DWORDS=1 -DFAULT_RESERVE
// fault the reservation of a killed writer: assertion: -DN=6 -DLENGTH=4 -DWORDS=1 -DCHUNK=2 -DKILLS -DFAULT_SHRINK
// fault checking at all: assertion: -DN=3 -DLENGTH=2 -DWORDS=2 -DFAULT_CHECK

#define LAPS 3  // attempts of a pop, 64 in the code
#define POPS 2
#ifndef CHUNK
#define CHUNK 1  // items that a push reserves at once; a successor's pushes are of one
#endif

#define RELAXED 0
#define ACQUIRE 1
#define RELEASE 2

#define THREADS 2
#define W 0
#define R 1
#define RESERVED 0
#define COMMITTED 1
#define SLOT(item, word) (2 + ((item) % LENGTH) * WORDS + (word))
#define ATOMS (2 + LENGTH * WORDS)
#define PLACES ATOMS
#define TIMES 6
#include "views.pml"

#ifndef C3
#define C3 RELEASE
#endif
#ifndef C4
#define C4 ACQUIRE
#endif

byte truth[N];  // what was pushed as item n
#ifdef KILLS
#define MORTAL unless { killed }
#else
#define MORTAL
#endif

bool killed;

inline begin_writer() {
  load(W, COMMITTED, ACQUIRE, mine);
  load(W, RESERVED, RELAXED, reserved);
  d_step {
    assert(reserved >= mine && reserved - mine <= LENGTH);
    assert(life < 2)
  }
}

inline store_item(at, value) {
  store(W, SLOT(mine + at, 0), RELAXED, value);
#if WORDS > 1
  store(W, SLOT(mine + at, 1), RELAXED, value);
#endif
  skip
}

// push_chunk, of `items`.
inline push(items, value) {
  d_step {
#ifdef FAULT_SHRINK
    reserved = mine + items;
#else
    reserved = (reserved > mine + items -> reserved : mine + items);
#endif
    truth[mine] = value;
    if
    :: items > 1 -> truth[mine + 1] = value + 1
    :: else
    fi
  }
#ifdef FAULT_RESERVE
  store_item(0, value);
#endif
  store(W, RESERVED, RELAXED, reserved);
#ifndef FAULT_C1
  release_fence(W);
#endif
#ifndef FAULT_RESERVE
  store_item(0, value);
#endif
  if
  :: items > 1 -> store_item(1, value + 1)
  :: else
  fi;
  store(W, COMMITTED, C3, mine + items);
  mine = mine + items
}

proctype Writer() {
  byte mine, reserved, life, pushes;
begin:
  {
    if
    :: life > 0 -> begin_writer()
    :: else
    fi;
    do
    // Nothing in here waits.
    :: mine + CHUNK <= N && life == 0 -> push(CHUNK, 1 + mine)
    :: mine < N && life > 0 && pushes < 2 -> push(1, 1 + mine + N); pushes++
    :: else -> break
    od
  } MORTAL;
  if
  :: killed -> killed = false; life++; goto begin
  :: else
  fi
}

#define OLDEST(committed) ((committed) < LENGTH -> 0 : (committed) - (LENGTH - 1))
#define MARGIN ((1 << laps) - 1)
#define LARGEST_MARGIN (committed - 1 - OLDEST(committed))

inline begin_reader() {
  load(R, COMMITTED, C4, mine);
  load(R, RESERVED, RELAXED, reserved);
  d_step {
    assert(reserved >= mine);
    mine = OLDEST(mine);
    reserved = 0
  }
}

inline copy_item(at) {
  load(R, SLOT(mine + at, 0), RELAXED, copied[(at) * WORDS]);
#if WORDS > 1
  load(R, SLOT(mine + at, 1), RELAXED, copied[(at) * WORDS + 1]);
#endif
  skip
}

inline check_item(at) {
  assert(copied[(at) * WORDS] == truth[mine + at]);
#if WORDS > 1
  assert(copied[(at) * WORDS + 1] == truth[mine + at]);
#endif
  skip
}

// One attempt of pop_items: `count` items were copied from `mine` on. What is checked here is what it returns.
inline take() {
#ifndef FAULT_C2
  acquire_fence(R);
#endif
  load(R, RESERVED, RELAXED, reserved);
  d_step {
    assert(reserved >= committed);  // or the writer would be called a liar
    whole_from = (reserved < LENGTH -> 0 : reserved - LENGTH);
#ifdef FAULT_CHECK
    whole_from = 0
#endif
  }
  if
  :: whole_from <= mine
  :: else ->
#ifndef FAULT_C5
     acquire_fence(R);
#endif
     load(R, COMMITTED, C4, now_committed);
     d_step {
       assert(now_committed >= committed);
       assert(reserved <= now_committed || reserved - now_committed <= LENGTH);
       if
       :: whole_from < mine + count -> first = whole_from - mine
       :: else -> assert(whole_from <= now_committed); first = count
       fi
     }
  fi;
  d_step {
    if
    :: first == 0 -> check_item(0)
    :: else
    fi;
#if LENGTH > 2
    if
    :: first <= 1 && count > 1 -> check_item(1)
    :: else
    fi;
#endif
    mine = (first < count -> mine + count : whole_from);
    done = (first < count);
    first = 0; count = 0; reserved = 0; committed = 0; now_committed = 0; whole_from = 0;
    copied[0] = 0;
#if WORDS > 1 || LENGTH > 2
    copied[1] = 0;
#endif
    skip
  }
}

inline pop() {
  laps = 0;
  done = false;
  do
  :: done || laps == LAPS -> break
  :: else ->
     load(R, COMMITTED, C4, committed);
     d_step {
       assert(committed >= mine);
       if
       :: committed > mine ->
          first = MARGIN;
          first = OLDEST(committed) + (first < LARGEST_MARGIN -> first : LARGEST_MARGIN);
          mine = (mine < first -> first : mine);
          first = 0;
          count = committed - mine
       :: else -> done = true; committed = 0
       fi
     }
     if
     :: done
     :: else ->
        if  // the caller's limit
        :: count > 1 -> count = 1
        :: count > 2 -> count = 2
        :: count <= 2
        fi;
        copy_item(0);
#if LENGTH > 2
        if
        :: count > 1 -> copy_item(1)
        :: else
        fi;
#endif
        take();
        laps++
     fi
  od
}

proctype Reader() {
  byte mine, pops, laps, committed, now_committed, reserved, whole_from, count, first;
  byte copied[LENGTH * WORDS];
  bool done;
  begin_reader();
  do
  :: pops < POPS -> pop(); pops++
  :: else -> break
  od
}

#ifdef KILLS
proctype Killer() {
  d_step {
    killed = true
  }
}
#endif

init {
  atomic {
    run Writer();
    run Reader();
#ifdef KILLS
    run Killer()
#endif
  }
}
