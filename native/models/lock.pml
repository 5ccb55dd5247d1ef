// The lock of a message queue: one word, futexes, and taking over from a holder that was killed.
// README.md says what is shown, and which step is which line of the code.
//
// good three members: -DMEMBERS=3 -DCALLS=1
// good two members, two calls: -DMEMBERS=2 -DCALLS=2
// good a kill: -DMEMBERS=2 -DCALLS=2 -DKILLS=1
// long a kill, three members: -DMEMBERS=3 -DCALLS=1 -DKILLS=1
// fault release of M2: assertion: -DMEMBERS=2 -DCALLS=1 -DM2=RELAXED
// fault acquire of M1: assertion: -DMEMBERS=2 -DCALLS=1 -DM1=RELAXED
// fault saying that it is contended: deadlock: -DMEMBERS=2 -DCALLS=1 -DFAULT_CONTENDED
// fault taking it as contended after a sleep: deadlock: -DMEMBERS=3 -DCALLS=1 -DFAULT_I3
// fault comparing when it is taken over: assertion: -DMEMBERS=3 -DCALLS=1 -DKILLS=1 -DFAULT_TAKE_OVER
// fault slices: deadlock: -DMEMBERS=3 -DCALLS=1 -DKILLS=1 -DFAULT_SLICE
// fault asking whether the holder is dead: assertion: -DMEMBERS=3 -DCALLS=1 -DKILLS=1 -DFAULT_ALIVE

#ifndef KILLS
#define KILLS 0
#endif
#if KILLS > 0
#define MORTAL unless { killed[me] }
#else
#define MORTAL
#endif

#define RELAXED 0
#define ACQUIRE 1
#define RELEASE 2
#ifndef M1
#define M1 ACQUIRE
#endif
#ifndef M2
#define M2 RELEASE
#endif

#define THREADS MEMBERS
#define LOCK 0
#define ATOMS 1
#define DATA 1  // how often what the lock guards was changed
#define PLACES 2
#define TIMES 12
#if M2
#define NO_RELEASE_FENCES
#endif
#define NO_ACQUIRE_FENCES
#include "views.pml"

#define CONTENDED 128
// A sleeper needs one after a kill; a word that it has read before may cost another.
#define SLICES 2

byte changes;
byte inside;  // living members that have it
bool asleep[MEMBERS];
byte slices[MEMBERS];
bool killed[MEMBERS];
bool has[MEMBERS];
byte kills;
hidden byte i_;

// Everything but the lock is plain data: an access that does not know of the last change is a race.
inline use_it(me) {
  d_step {
    assert(inside == 0);
    inside++;
    has[me] = true;
    assert(knows[me].at[DATA] == changes);
    changes++;
    knows[me].at[DATA] = changes
  }
  d_step { has[me] = false; inside-- }
}

inline try_take(me, bits) {
  d_step {
    if
    :: LATEST(LOCK) == 0 -> change(me, LOCK, M1, (me + 1) | (bits)); taken = true
    :: else
    fi
  }
}

// plat_wake_one: any of those that sleep.
inline wake_one() {
  if
  :: asleep[0] -> asleep[0] = false
  :: asleep[1] -> asleep[1] = false
#if MEMBERS > 2
  :: asleep[2] -> asleep[2] = false
#endif
  :: else
  fi
}

inline unlock(me) {
  d_step {
    word = LATEST(LOCK);
    change(me, LOCK, M2, 0)
  }
  if
  :: word & CONTENDED -> wake_one()
  :: else
  fi;
  word = 0
}

// take_over of queue_lock.cpp, and the repair, which is queue.pml's.
inline take_over(me) {
  holder = (word & ~CONTENDED) - 1;
#ifndef FAULT_ALIVE
  if
  :: !killed[holder]
  :: else ->
#endif
     learn_all(me, holder);
     d_step {
       if
#ifdef FAULT_TAKE_OVER
       :: true -> change(me, LOCK, M1, (me + 1) | CONTENDED); taken = true
#else
       :: LATEST(LOCK) == word -> change(me, LOCK, M1, (me + 1) | CONTENDED); taken = true
       :: else
#endif
       fi
     }
#ifndef FAULT_ALIVE
  fi;
#endif
  holder = 0
}

#ifdef FAULT_I3
#define AFTER_SLEEP 0
#else
#define AFTER_SLEEP CONTENDED
#endif

// queue_lock_slowly.
inline lock_slowly(me) {
  do
  :: taken -> break
  :: else ->
     try_take(me, AFTER_SLEEP);
     if
     :: taken
     :: else ->
        word = 0;
        load(me, LOCK, RELAXED, word);
        if
        :: word == 0
        :: word != 0 ->
#ifdef FAULT_CONTENDED
           ready = true;
#else
           d_step {
             if
             :: word & CONTENDED -> ready = true
             :: LATEST(LOCK) == word && !(word & CONTENDED) ->
                word = word | CONTENDED;
                change(me, LOCK, RELAXED, word);
                ready = true
             :: else
             fi
           }
#endif
           if
           :: ready ->
              d_step { asleep[me] = (LATEST(LOCK) == word); ready = false }
              if
              :: !asleep[me]
              :: asleep[me] && slices[me] > 0 ->
                 d_step { asleep[me] = false; slices[me]-- }
                 take_over(me)
              fi
           :: else
           fi
        fi;
        word = 0
     fi
  od
}

// Values are not kept for somebody who will not look any more.
inline gone(member) { d_step { knows[member].at[LOCK] = memory[LOCK].last } }

proctype Member(byte me) {
  byte word, calls, holder;
  bool taken, ready;
  {
    do
    :: calls == CALLS -> break
    :: else ->
       try_take(me, 0);
       if
       :: taken
       :: else -> lock_slowly(me)
       fi;
       taken = false;
       use_it(me);
       unlock(me);
       calls++
    od;
    gone(me)
  } MORTAL
}

#if KILLS > 0
inline kill(member) {
  d_step {
    kills < KILLS && !killed[member] ->
    killed[member] = true;
    asleep[member] = false;
    kills++;
    inside = inside - has[member];
    knows[member].at[LOCK] = memory[LOCK].last;
    i_ = 0;
#ifndef FAULT_SLICE
    do
    :: i_ < MEMBERS -> slices[i_] = slices[i_] + SLICES * !killed[i_]; i_++
    :: else -> break
    od;
    i_ = 0
#endif
  }
}

proctype Killer() {
  do
  :: kill(0)
  :: kill(1)
  :: break
  od
}
#endif

init {
  atomic {
    run Member(0);
    run Member(1);
#if MEMBERS > 2
    run Member(2);
#endif
#if KILLS > 0
    run Killer()
#endif
  }
}
