// A message channel: cursors, sleeping, waking, closing, dying, succession.
// README.md says what is shown, and which step is which line of the code.
//
// good both alive: -DN=3
// good reader without barrier: -DN=2 -DLIMIT=1 -DFENCES_R=1
// good writer without barrier: -DN=2 -DLIMIT=1 -DFENCES_W=1
// good neither has a barrier: -DN=2 -DLIMIT=1 -DFENCES_R=1 -DFENCES_W=1
// good interrupted: -DN=2 -DLIMIT=1 -DINTERRUPTS=1
// good writer killed: -DN=2 -DLIMIT=1 -DVICTIM=W
// good reader killed: -DN=2 -DLIMIT=1 -DVICTIM=R
// long both alive, four messages: -DN=4
// long neither has a barrier, three messages: -DN=3 -DFENCES_R=1 -DFENCES_W=1
// fault the barrier of the sleeper (S2): deadlock: -DN=2 -DLIMIT=1 -DFAULT_S2
// fault the fence of the waker (W2): deadlock: -DN=2 -DLIMIT=1 -DFENCES_R=1 -DFAULT_W2
// fault a waker that knows it needs fences: deadlock: -DN=2 -DLIMIT=1 -DFENCES_W=1 -DFAULT_FORCE
// fault announcing before the check: deadlock: -DN=2 -DLIMIT=1 -DFAULT_ANNOUNCE
// fault waking after the bit was cleared: deadlock: -DN=2 -DLIMIT=1 -DFAULT_WAKE
// fault waking at close: deadlock: -DN=2 -DLIMIT=1 -DFAULT_CLOSE
// fault slices: deadlock: -DN=2 -DLIMIT=1 -DVICTIM=W -DFAULT_SLICE
// fault release of W1: assertion: -DN=2 -DLIMIT=1 -DW1=RELAXED
// fault acquire of R1: assertion: -DN=2 -DLIMIT=1 -DR1=RELAXED
// fault release of T1: assertion: -DN=3 -DLIMIT=1 -DT1=RELAXED
// fault acquire of T2: assertion: -DN=3 -DLIMIT=1 -DT2=RELAXED
// fault release of E2: assertion: -DN=3 -DLIMIT=1 -DE2=RELAXED
// fault acquire of E1: assertion: -DN=3 -DLIMIT=1 -DE1=RELAXED
// fault release of G2: assertion: -DN=2 -DLIMIT=2 -DG2=RELAXED
// fault acquire of G1: assertion: -DN=2 -DLIMIT=2 -DG1=RELAXED
// fault the last look: assertion: -DN=2 -DLIMIT=1 -DFAULT_LAST_LOOK
// fault comparing when it sets kDead: assertion: -DN=2 -DLIMIT=1 -DVICTIM=W -DFAULT_EPOCH
// fault the exact tail for a successor: assertion: -DN=3 -DLIMIT=3 -DVICTIM=R -DFAULT_TAIL
// fault the payload before the head: assertion: -DN=2 -DLIMIT=1 -DVICTIM=W -DFAULT_HEAD

#ifndef LIMIT
#define LIMIT 2  // messages in the ring
#endif
#define STEP LIMIT  // the reader publishes its cursor when it is so far ahead

#define RELAXED 0
#define ACQUIRE 1
#define RELEASE 2

#define THREADS 2
#define W 0
#define R 1

#define HEAD 0
#define EXACT 1
#define CURSOR 2
#define WORD(end) (3 + (end))
#define ATOMS 5
// Of each slot of the ring: how often it was written, and read.
#define WRITTEN(k) (5 + (k) % LIMIT)
#define READ(k) (7 + (k) % LIMIT)
#define PLACES 9
#define TIMES 6

#ifndef FENCES_W
#define FENCES_W 0
#endif
#ifndef FENCES_R
#define FENCES_R 0
#endif
#ifndef INTERRUPTS
#define INTERRUPTS 0
#endif
#ifndef W1
#define W1 RELEASE
#endif
#ifndef R1
#define R1 ACQUIRE
#endif
#ifndef T1
#define T1 RELEASE
#endif
#ifndef T2
#define T2 ACQUIRE
#endif
#ifndef E1
#define E1 ACQUIRE
#endif
#ifndef E2
#define E2 RELEASE
#endif
#ifndef G1
#define G1 ACQUIRE
#endif
#ifndef G2
#define G2 RELEASE
#endif

#if W1 && T1 && E2 && G2
#define NO_RELEASE_FENCES
#endif
#define NO_ACQUIRE_FENCES  // and so nothing is gained from what full fences do with relaxed loads
#include "views.pml"

// The bits of wait_word.
#define SLEEPING 1
#define FENCES 2
#define CLOSED 4
#define DEAD 8
#define EPOCH 16
#define EPOCH_OF(word) ((word) / EPOCH)

#define NO_BARRIER(end) ((end) == W -> FENCES_W : FENCES_R)

// Outcomes of a wait.
#define READY 1
#define GONE 2

// Who can be killed anywhere. (Not for the others: it would keep spin from reducing the interleavings.)
#ifdef VICTIM
#if VICTIM == W
#define MORTAL_W unless { killed[W] }
#define MORTAL_R
#else
#define MORTAL_W
#define MORTAL_R unless { killed[R] }
#endif
#else
#define MORTAL_W
#define MORTAL_R
#endif

#define TORN 255
byte written[LIMIT];  // how often, of each slot
byte reads[LIMIT];
byte content[LIMIT];
byte sent[N];         // what message k is

bool asleep[2];
byte slices[2];  // how often a sleep may end by itself: once for each death
byte interrupts = INTERRUPTS;
bool killed[2];
bool held[2] = true;     // whether the system says that the role is
bool running[2] = true;  // and the end is attached
bool successor;       // one will come
byte delivered;       // messages that some reader has had in hand
byte head_at_death = 255;

inline write_payload(k, what) {
  d_step {
    assert(knows[W].at[WRITTEN(k)] == written[(k) % LIMIT]);
    assert(knows[W].at[READ(k)] == reads[(k) % LIMIT]);
    written[(k) % LIMIT]++;
    knows[W].at[WRITTEN(k)] = written[(k) % LIMIT];
    content[(k) % LIMIT] = TORN;
    sent[k] = what
  }
  content[(k) % LIMIT] = what
}

inline read_payload(k) {
  d_step {
    assert(knows[R].at[WRITTEN(k)] == written[(k) % LIMIT]);
    reads[(k) % LIMIT]++;
    knows[R].at[READ(k)] = reads[(k) % LIMIT];
    assert(content[(k) % LIMIT] == sent[k]);
    assert((k) <= delivered);
    if
    :: (k) == delivered -> delivered++
    :: else
    fi
  }
}

#include "channel_wait.pml"

// Told that the other end is gone: rightly? A caller that knows of a successor goes on when it is there.
inline told(me, peer) {
  d_step {
    outcome = 0;
    assert(!running[peer] || !(LATEST(WORD(peer)) & DEAD));
    assert(head_at_death != 255 || LATEST(WORD(peer)) & CLOSED);
    assert(me == W || mine >= (head_at_death < 255 -> head_at_death : N))
  }
  if
  :: successor -> !successor && running[peer]; ended = false
  :: else -> assert(!running[peer] || LATEST(WORD(peer)) & CLOSED || LATEST(WORD(peer)) >= 2 * EPOCH);
     ended = !running[peer] || (LATEST(WORD(peer)) & CLOSED)
  fi
}

inline attach(me, peer) {
  d_step {
    asleep[me] = false;
    held[me] = true;
    word = 0; got = 0; ready = false; gone = false; announced = false; outcome = 0; ended = false
  }
  if
  :: me == W ->
     load(W, HEAD, ACQUIRE, mine);
     load(W, EXACT, E1, seen)
  :: else ->
     load(R, HEAD, R1, seen);
#ifdef FAULT_TAIL
     load(R, CURSOR, ACQUIRE, mine);
#else
     load(R, EXACT, E1, mine);
#endif
     assert(mine + 1 >= delivered);
     lag = 0;
     store(R, EXACT, E2, mine);
     store(R, CURSOR, T1, mine)
  fi;
  store(me, WORD(me), RELEASE, 2 * EPOCH | (NO_BARRIER(me) -> FENCES : 0));
  d_step { running[me] = true; successor = false }
  if
  :: running[peer] -> wake(me, peer, FENCES)
  :: else
  fi
}

inline close_end(me, peer) {
  d_step {  // G2
    word = LATEST(WORD(me)) | CLOSED;
    change(me, WORD(me), G2, word);
    word = 0
  }
#ifndef FAULT_CLOSE
  wake(me, peer, FENCES)
#endif
}

proctype Writer() {
  byte mine, seen, got, word, outcome, life, lag;
  bool ready, gone, announced, ended;
begin:
  {
    if
    :: life > 0 -> attach(W, R)
    :: else
    fi;
    do
    :: mine == N || ended -> break
    :: else ->
       if
       :: mine - seen >= LIMIT -> wait(W, R)
       :: else -> outcome = READY
       fi;
       if
       :: outcome == GONE -> told(W, R)
       :: else ->
          outcome = 0;
#ifdef FAULT_HEAD
          store(W, HEAD, W1, mine + 1);
          write_payload(mine, 1 + mine + N * life);
#else
          write_payload(mine, 1 + mine + N * life);
          store(W, HEAD, W1, mine + 1);
#endif
          mine++;
          wake(W, R, FORCE(W))
       fi
    od;
    close_end(W, R)
  } MORTAL_W;
  if
  :: killed[W] && successor -> killed[W] = false; life++; goto begin
  :: else
  fi
}

proctype Reader() {
  byte mine, seen, got, word, outcome, life, lag;
  bool ready, gone, announced, ended;
begin:
  {
    if
    :: life > 0 -> attach(R, W)
    :: else
    fi;
    do
    :: ended -> break
    :: else ->
       wait(R, W);
       if
       :: outcome == GONE -> told(R, W)
       :: else ->
          outcome = 0;
          read_payload(mine);
          d_step { mine++; lag++ }
          store(R, EXACT, E2, mine);
          if
          :: lag == STEP -> lag = 0; store(R, CURSOR, T1, mine)
          :: else
          fi;
          wake(R, W, FORCE(R))
       fi
    od
  } MORTAL_R;
  if
  :: killed[R] && successor -> killed[R] = false; life++; goto begin
  :: else
  fi
}

#ifdef VICTIM
proctype Killer() {
  if
  :: successor = true
  :: true
  fi;
  if
  :: d_step {
       running[VICTIM] && !(LATEST(WORD(VICTIM)) & CLOSED) ->
       killed[VICTIM] = true;
       running[VICTIM] = false;
       held[VICTIM] = false;
       asleep[VICTIM] = false;
       head_at_death = LATEST(HEAD);
#ifndef FAULT_SLICE
       slices[1 - VICTIM]++
#endif
     }
  :: successor = false  // nobody dies
  fi
}
#endif

init {
  d_step {
    memory[WORD(W)].value[0] = EPOCH | (FENCES_W -> FENCES : 0);
    memory[WORD(R)].value[0] = EPOCH | (FENCES_R -> FENCES : 0)
  }
  atomic {
    run Writer();
    run Reader();
#ifdef VICTIM
    run Killer()
#endif
  }
}
