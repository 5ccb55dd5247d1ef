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
// Values that no thread can get any more are forgotten after each step, so that the search does not tell
// states apart by their past.
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
View published[THREADS];  // what it knew at its last release fence
View glimpsed[THREADS];   // what the values carried that it has loaded relaxed, beyond what it knows

#ifndef RELAXED
#define RELAXED 0
#define ACQUIRE 1
#define RELEASE 2
#endif
#define ACQ_REL 3

// A model without fences of that kind saves the states that differ in these views only.
#ifdef NO_RELEASE_FENCES
#define PUBLISHES 0
#else
#define PUBLISHES 1
#endif
#ifdef NO_ACQUIRE_FENCES
#define GLIMPSES 0
#else
#define GLIMPSES 1
#endif

#define LATEST(place) memory[place].value[memory[place].last]

// Of the C functions below; set and used within one step.
hidden byte me_;
hidden byte place_;
hidden byte order_;
hidden byte value_;
hidden byte other_;
hidden byte overflow_;

c_code {
static void join_(struct View *to, struct View *from) {
  int i;
  for (i = 0; i < PLACES; i++)
    if (to->at[i] < from->at[i]) to->at[i] = from->at[i];
}

static void older_(struct View *view, int place, int by) {
  view->at[place] = view->at[place] > by ? view->at[place] - by : 0;
}

/* Values that nobody can get any more are forgotten, and the others renumbered: what was there before
   makes no difference. */
static void forget_(int place) {
  struct Atom *atom = &now.memory[place];
  int least = atom->last, i, j;
  for (i = 0; i < THREADS; i++)
    if (now.knows[i].at[place] < least) least = now.knows[i].at[place];
  if (least == 0) return;
  for (i = 0; i < THREADS; i++) {
    older_(&now.knows[i], place, least);
    older_(&now.published[i], place, least);
    older_(&now.glimpsed[i], place, least);
  }
  older_(&now.ordered, place, least);
  for (i = 0; i < ATOMS; i++)
    for (j = 0; j < TIMES; j++) older_(&now.memory[i].carries[j], place, least);
  for (i = 0; i < TIMES; i++) {
    if (i + least <= atom->last) {
      atom->value[i] = atom->value[i + least];
      atom->carries[i] = atom->carries[i + least];
    } else {
      atom->value[i] = 0;
      memset(&atom->carries[i], 0, sizeof atom->carries[i]);
    }
  }
  atom->last -= least;
}

static void forget_all_(void) {
  int i, j;
  for (i = 0; i < ATOMS; i++) forget_(i);
  for (i = 0; i < THREADS; i++)
    for (j = 0; j < PLACES; j++)
      if (now.glimpsed[i].at[j] <= now.knows[i].at[j]) now.glimpsed[i].at[j] = 0;
}

static void see_(int place, int at, int order) {
  struct Atom *atom = &now.memory[place];
  now.knows[me_].at[place] = at;
  if (order & ACQUIRE) join_(&now.knows[me_], &atom->carries[at]);
  else if (GLIMPSES) join_(&now.glimpsed[me_], &atom->carries[at]);
}

static void append_(int place, int order, int value) {
  struct Atom *atom = &now.memory[place];
  int at = atom->last + 1;
  if (at >= TIMES) {
    overflow_ = 1;
    return;
  }
  atom->last = at;
  atom->value[at] = value;
  now.knows[me_].at[place] = at;
  atom->carries[at] = order & RELEASE ? now.knows[me_] : now.published[me_];
  atom->carries[at].at[place] = at;
}

static void load_(void) {
  value_ = now.memory[place_].value[now.knows[me_].at[place_] + value_];
  see_(place_, now.knows[me_].at[place_] + other_, order_);
  forget_all_();
}

static void store_(void) {
  append_(place_, order_, value_);
  forget_all_();
}

/* A read-modify-write gets the latest value, and what it stores carries what that did, too. */
static void change_(void) {
  struct Atom *atom = &now.memory[place_];
  see_(place_, atom->last, order_);
  append_(place_, order_, value_);
  if (overflow_) return;
  join_(&atom->carries[atom->last], &atom->carries[atom->last - 1]);
  forget_all_();
}

static void fence_of_(int thread) {
  join_(&now.knows[thread], &now.glimpsed[thread]);
  join_(&now.knows[thread], &now.ordered);
  join_(&now.ordered, &now.knows[thread]);
  if (PUBLISHES) join_(&now.published[thread], &now.knows[thread]);
}

static void full_fence_(void) {
  fence_of_(me_);
  forget_all_();
}

static void barrier_(void) {
  fence_of_(me_);
  fence_of_(other_);
  fence_of_(me_);
  forget_all_();
}

static void release_fence_(void) { join_(&now.published[me_], &now.knows[me_]); }

static void acquire_fence_(void) {
  join_(&now.knows[me_], &now.glimpsed[me_]);
  forget_all_();
}

static void learn_all_(void) {
  join_(&now.knows[me_], &now.knows[other_]);
  forget_all_();
}
}

#define AGED(me, place, age) knows[me].at[place] + age <= memory[place].last
inline load_aged_(me, place, order, into, age) {
  me_ = me; place_ = place; order_ = order; value_ = age; other_ = age;
  c_code { load_(); };
  into = value_
}

inline load(me, place, order, into) {
  if
  :: d_step { true; load_aged_(me, place, order, into, 0) }
  :: d_step { AGED(me, place, 1) -> load_aged_(me, place, order, into, 1) }
#if TIMES > 2
  :: d_step { AGED(me, place, 2) -> load_aged_(me, place, order, into, 2) }
#endif
#if TIMES > 3
  :: d_step { AGED(me, place, 3) -> load_aged_(me, place, order, into, 3) }
#endif
#if TIMES > 4
  :: d_step { AGED(me, place, 4) -> load_aged_(me, place, order, into, 4) }
#endif
#if TIMES > 5
  :: d_step { AGED(me, place, 5) -> load_aged_(me, place, order, into, 5) }
#endif
#if TIMES > 6
  :: d_step { AGED(me, place, 6) -> load_aged_(me, place, order, into, 6) }
#endif
#if TIMES > 7
  :: d_step { AGED(me, place, 7) -> load_aged_(me, place, order, into, 7) }
#endif
#if TIMES > 8
  :: d_step { AGED(me, place, 8) -> load_aged_(me, place, order, into, 8) }
#endif
#if TIMES > 9
  :: d_step { AGED(me, place, 9) -> load_aged_(me, place, order, into, 9) }
#endif
#if TIMES > 10
  :: d_step { AGED(me, place, 10) -> load_aged_(me, place, order, into, 10) }
#endif
#if TIMES > 11
  :: d_step { AGED(me, place, 11) -> load_aged_(me, place, order, into, 11) }
#endif
#if TIMES > 12
#error a load has to choose among more values
#endif
  fi
}

inline store(me, place, order, new_value) {
  d_step {
    me_ = me; place_ = place; order_ = order; value_ = new_value;
    c_code { store_(); };
    assert(!overflow_)
  }
}

// A read-modify-write, as a part of the step in which LATEST(place) was looked at.
inline change(me, place, order, new_value) {
  me_ = me; place_ = place; order_ = order; value_ = new_value;
  c_code { change_(); };
  assert(!overflow_)
}

inline full_fence(me) { d_step { me_ = me; c_code { full_fence_(); } } }
inline release_fence(me) { d_step { me_ = me; c_code { release_fence_(); } } }
inline acquire_fence(me) { d_step { me_ = me; c_code { acquire_fence_(); } } }

// A barrier that the kernel executes for another thread, too: a fence of the caller, the other, the caller.
inline barrier(me, other, reaches_other) {
  d_step {
    me_ = me;
    other_ = (reaches_other -> other : me);
    c_code { barrier_(); }
  }
}

// The kernel told `me` something about `other`, which is that it is behind all that `other` did.
inline learn_all(me, other) {
  d_step { me_ = me; other_ = other; c_code { learn_all_(); } }
}
