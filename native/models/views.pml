// Memory as the C++ memory model has it, so that a model shows which orders a protocol needs, and
// not only which interleavings it stands.
//
// Every atomic keeps all the values that it ever had. A thread knows, of every place, how old a value it
// may still get: its view. A load gets any value that is not older; a release store carries the view of its
// thread, an acquire load takes over what the value carries. That allows all that the hardware's store
// buffers, invalidation queues and reordered loads do to loads and stores, except for a store that is
// seen before a load that precedes it. Plain data (payloads) make up for that: they have no values to choose
// from, but each access must know of all accesses that it conflicts with. Otherwise it is a data race,
// in either direction, and an assertion fails.
//
// A model defines THREADS, ATOMS (places 0 to ATOMS - 1), PLACES (ATOMS and plain data's) and TIMES (values
// of an atomic) before it includes this. Each inline is one step: nothing happens in the middle of it.

typedef View { byte at[PLACES] }
typedef Atom {
  byte last;
  byte value[TIMES];
  View carries[TIMES]
}

Atom memory[ATOMS];
View knows[THREADS];      // what its loads are bound by
View ordered;             // of full fences
#ifndef NO_RELAXED_STORES
View published[THREADS];  // what it knew at its last release fence
#endif
#ifndef NO_ACQUIRE_FENCES
View glimpsed[THREADS];   // what the values carried that it has loaded relaxed, beyond what it knows
#endif
hidden byte i_;
hidden byte j_;
hidden byte t_;
hidden byte least_;

#ifndef RELAXED
#define RELAXED 0
#define ACQUIRE 1
#define RELEASE 2
#endif
#define ACQ_REL 3

#define LATEST(place) memory[place].value[memory[place].last]
#define NEWEST(place) memory[place].last

inline join(to, from) {
  i_ = 0;
  do
  :: i_ < PLACES ->
     if
     :: to.at[i_] < from.at[i_] -> to.at[i_] = from.at[i_]
     :: else
     fi;
     i_++
  :: else -> break
  od;
  i_ = 0
}

inline older_(view, place) {
  view.at[place] = (view.at[place] > least_ -> view.at[place] - least_ : 0)
}

// Values that nobody can get any more are forgotten, and the others renumbered: what happened before
// makes no difference.
inline forget_(place) {
  least_ = memory[place].last;
  i_ = 0;
  do
  :: i_ < THREADS ->
     least_ = (knows[i_].at[place] < least_ -> knows[i_].at[place] : least_);
     i_++
  :: else -> break
  od;
  if
  :: least_ > 0 ->
     i_ = 0;
     do
     :: i_ < THREADS ->
        older_(knows[i_], place);
#ifndef NO_RELAXED_STORES
        older_(published[i_], place);
#endif
#ifndef NO_ACQUIRE_FENCES
        older_(glimpsed[i_], place);
#endif
        i_++
     :: else -> break
     od;
     older_(ordered, place);
     i_ = 0;
     do
     :: i_ < ATOMS ->
        j_ = 0;
        do
        :: j_ <= memory[i_].last -> older_(memory[i_].carries[j_], place); j_++
        :: else -> break
        od;
        i_++
     :: else -> break
     od;
     i_ = 0;
     do
     :: i_ + least_ <= memory[place].last ->
        memory[place].value[i_] = memory[place].value[i_ + least_];
        j_ = 0;
        do
        :: j_ < PLACES ->
           memory[place].carries[i_].at[j_] = memory[place].carries[i_ + least_].at[j_];
           j_++
        :: else -> break
        od;
        i_++
     :: else -> break
     od;
     do
     :: i_ <= memory[place].last ->
        memory[place].value[i_] = 0;
        j_ = 0;
        do
        :: j_ < PLACES -> memory[place].carries[i_].at[j_] = 0; j_++
        :: else -> break
        od;
        i_++
     :: else -> break
     od;
     memory[place].last = memory[place].last - least_
  :: else
  fi;
  i_ = 0;
  j_ = 0;
  least_ = 0
}

inline forget_all_() {
  t_ = 0;
  do
  :: t_ < ATOMS -> forget_(t_); t_++
  :: else -> break
  od;
  t_ = 0
}

inline get_(me, place, order, into, age) {
  t_ = knows[me].at[place] + age;
  into = memory[place].value[t_];
  knows[me].at[place] = t_;
  if
  :: (order) & ACQUIRE -> join(knows[me], memory[place].carries[t_])
  :: else ->
#ifndef NO_ACQUIRE_FENCES
     join(glimpsed[me], memory[place].carries[t_]);
#endif
     skip
  fi;
  forget_all_()
}

inline load(me, place, order, into) {
  if
  :: d_step { true; get_(me, place, order, into, 0) }
  :: d_step { knows[me].at[place] + 1 <= memory[place].last -> get_(me, place, order, into, 1) }
  :: d_step { knows[me].at[place] + 2 <= memory[place].last -> get_(me, place, order, into, 2) }
#if TIMES > 3
  :: d_step { knows[me].at[place] + 3 <= memory[place].last -> get_(me, place, order, into, 3) }
#endif
#if TIMES > 4
  :: d_step { knows[me].at[place] + 4 <= memory[place].last -> get_(me, place, order, into, 4) }
#endif
#if TIMES > 5
  :: d_step { knows[me].at[place] + 5 <= memory[place].last -> get_(me, place, order, into, 5) }
#endif
#if TIMES > 6
#error a load has to choose among more values
#endif
  fi
}

inline append_(me, place, order, new_value) {
  t_ = memory[place].last + 1;
  assert(t_ < TIMES);
  memory[place].last = t_;
  memory[place].value[t_] = new_value;
  knows[me].at[place] = t_;
  if
  :: (order) & RELEASE -> join(memory[place].carries[t_], knows[me])
  :: else ->
#ifndef NO_RELAXED_STORES
     join(memory[place].carries[t_], published[me]);
#endif
     skip
  fi;
  memory[place].carries[t_].at[place] = t_
}

inline store(me, place, order, new_value) {
  d_step { append_(me, place, order, new_value); forget_all_() }
}

// A read-modify-write gets the latest value, and what it stores carries what that did, too.
inline change_(me, place, order, new_value) {
  t_ = memory[place].last;
  knows[me].at[place] = t_;
  if
  :: (order) & ACQUIRE -> join(knows[me], memory[place].carries[t_])
  :: else ->
#ifndef NO_ACQUIRE_FENCES
     join(glimpsed[me], memory[place].carries[t_]);
#endif
     skip
  fi;
  append_(me, place, order, new_value);
  join(memory[place].carries[t_], memory[place].carries[t_ - 1]);
  forget_all_()
}

inline full_fence_(me) {
#ifndef NO_ACQUIRE_FENCES
  join(knows[me], glimpsed[me]);
#endif
  join(knows[me], ordered);
  join(ordered, knows[me]);
#ifndef NO_RELAXED_STORES
  join(published[me], knows[me]);
#endif
  skip
}

inline full_fence(me) { d_step { full_fence_(me); forget_all_() } }

#ifndef NO_RELAXED_STORES
inline release_fence(me) { d_step { join(published[me], knows[me]) } }
#endif
#ifndef NO_ACQUIRE_FENCES
inline acquire_fence(me) { d_step { join(knows[me], glimpsed[me]); forget_all_() } }
#endif

// A barrier that the kernel executes for another thread: a fence of the caller, of the other, of the
// caller.
inline barrier(me, other, reaches_other) {
  d_step {
    full_fence_(me);
    if
    :: reaches_other -> full_fence_(other); full_fence_(me)
    :: else
    fi;
    forget_all_()
  }
}

// The kernel told `me` something about `other`, which is what it is behind all that `other` did.
inline learn_all(me, other) {
  d_step { join(knows[me], knows[other]); forget_all_() }
}
