// A message queue: its index, its slots, waiting in it, and what is done about members that were killed.
// The lock is one step here; lock.pml shows that it is a lock. README.md says what is shown, and which
// step is which line of the code.
//
// good two receivers: -DSENDERS=1 -DRECEIVERS=2 -DM=1
// good one of each: -DSENDERS=1 -DRECEIVERS=1 -DM=3
// good large messages: -DSENDERS=1 -DRECEIVERS=1 -DM=3 -DLARGE
// good the sender killed: -DSENDERS=1 -DRECEIVERS=1 -DM=2 -DKILLS=1 -DVICTIM=0
// good the sender of a large message killed: -DSENDERS=1 -DRECEIVERS=1 -DM=2 -DKILLS=1 -DVICTIM=0 -DLARGE
// good a receiver killed: -DSENDERS=1 -DRECEIVERS=2 -DM=1 -DKILLS=1 -DVICTIM=1
// long two receivers, two messages: -DSENDERS=1 -DRECEIVERS=2 -DM=2
// long two senders: -DSENDERS=2 -DRECEIVERS=1 -DM=2
// long a receiver of a large message killed: -DSENDERS=1 -DRECEIVERS=2 -DM=2 -DKILLS=1 -DVICTIM=1 -DLARGE
// fault announcing under the lock: deadlock: -DSENDERS=1 -DRECEIVERS=1 -DM=1 -DFAULT_ANNOUNCE
// fault announcing again after a sleep: deadlock: -DSENDERS=1 -DRECEIVERS=2 -DM=2 -DFAULT_LOOK
// fault Z1, a word after what it says: assertion: -DSENDERS=1 -DRECEIVERS=1 -DM=2 -DKILLS=1 -DVICTIM=0 -DFAULT_Z1
// fault repair: assertion: -DSENDERS=1 -DRECEIVERS=1 -DM=2 -DKILLS=1 -DVICTIM=0 -DFAULT_REPAIR
// fault slices: deadlock: -DSENDERS=1 -DRECEIVERS=1 -DM=2 -DKILLS=1 -DVICTIM=0 -DFAULT_SLICE
// fault giving a taken message back: deadlock: -DSENDERS=1 -DRECEIVERS=2 -DM=1 -DKILLS=1 -DVICTIM=1 -DLARGE -DFAULT_TAKEN
// fault its old place: assertion: -DSENDERS=1 -DRECEIVERS=2 -DM=2 -DKILLS=1 -DVICTIM=1 -DLARGE -DFAULT_PLACE
// fault leaving the living their slots: assertion: -DSENDERS=1 -DRECEIVERS=2 -DM=2 -DKILLS=1 -DVICTIM=0 -DLARGE -DFAULT_OWNER
// fault looking for the dead: deadlock: -DSENDERS=1 -DRECEIVERS=2 -DM=1 -DKILLS=1 -DVICTIM=1 -DLARGE -DFAULT_LOOK_FOR_DEAD

#ifndef KILLS
#define KILLS 0
#endif
// Who can be killed, if not anybody: the others' steps then interleave less, with the same outcome.
#if KILLS > 0 && (!defined VICTIM || VICTIM < SENDERS)
#define MORTAL_SENDER unless { killed[me] }
#else
#define MORTAL_SENDER
#endif
#if KILLS > 0 && (!defined VICTIM || VICTIM >= SENDERS)
#define MORTAL_RECEIVER unless { killed[me] }
#else
#define MORTAL_RECEIVER
#endif
#define SLOTS 2
#define MEMBERS (SENDERS + RECEIVERS)
#define MESSAGES (SENDERS * M)
#define NOBODY 255
#define TORN 255

// Slots.
#define FREE 0
#define READY 1
#define WRITING 2
#define TAKEN 3
typedef Slot {
  byte state;  // with `owner` the slot's word
  byte owner;
  byte sequence;
  byte content
}
Slot slot[SLOTS];

// The index; all of it under the lock.
byte free_count = SLOTS;
byte free_slots[SLOTS];
byte run_head;
byte run_count;
byte run_slots[SLOTS];
byte heap_count;
byte heap[SLOTS];  // unordered: the first is looked for
byte ready;
byte next_sequence;
byte in_hand;
byte hands[MEMBERS];  // MemberShm::in_hand

byte lock = NOBODY;  // the holder

// Who waits for what, and the words slept on: bit 0 somebody may be asleep, above it a count of wakes.
#define RECEIVING 0
#define SENDING 1
#define WAITING 1
#define WAKE 2
#define COUNTED 15  // the count wraps, later in the code
byte word[2];
bool asleep[MEMBERS];
byte slices[MEMBERS];  // how often a sleep may end by itself: once for each kill

bool killed[MEMBERS];
bool finished[MEMBERS];
byte kills;

// What has become of the messages.
bool accepted[MESSAGES];
bool delivered[MESSAGES];

hidden byte i_;
hidden byte n_;

#define GONE(member) (killed[member] || finished[member])
#define SENDERS_GONE (GONE(0) && (SENDERS < 2 || GONE(SENDERS - 1)))
#define SAME(m) ((m) >= MESSAGES || accepted[(m) % MESSAGES] == delivered[(m) % MESSAGES])
#define ALL_DONE (SENDERS_GONE && SAME(0) && SAME(1) && SAME(2) && SAME(3))

inline index_is_right() {
  i_ = 0;
  n_ = 0;
  do
  :: i_ < SLOTS -> n_ = n_ + (slot[i_].state == READY); i_++
  :: else -> break
  od;
  assert(ready == n_ && run_count + heap_count == n_);
  i_ = 0;
  do
  :: i_ < SLOTS -> n_ = n_ + (slot[i_].state == WRITING || slot[i_].state == TAKEN); i_++
  :: else -> break
  od;
  assert(free_count + n_ == SLOTS);
  i_ = 0
}

inline wake_one(who) {
  if
  :: who == RECEIVING && asleep[SENDERS] -> asleep[SENDERS] = false
  :: who == RECEIVING && RECEIVERS > 1 && asleep[MEMBERS - 1] -> asleep[MEMBERS - 1] = false
  :: who == SENDING && asleep[0] -> asleep[0] = false
  :: who == SENDING && SENDERS > 1 && asleep[SENDERS - 1] -> asleep[SENDERS - 1] = false
  :: else
  fi
}

// QueueWakes::add.
inline add_wake(who) {
  d_step {
    if
    :: word[who] & WAITING ->
       word[who] = ((word[who] & ~WAITING) + WAKE) & COUNTED;
       wakes = wakes | (1 << who)
    :: else
    fi
  }
}

inline wake_all() {
  if
  :: wakes & 1 -> wake_one(RECEIVING)
  :: else
  fi;
  if
  :: wakes & 2 -> wake_one(SENDING)
  :: else
  fi;
  wakes = 0
}

#include "queue_repair.pml"

// QueueWaiter::sleep, with the lock.
inline wait(me, who) {
#ifdef FAULT_ANNOUNCE
  give_lock();
#endif
  d_step {
    word[who] = word[who] | WAITING;
    expected = word[who]
  }
#ifndef FAULT_ANNOUNCE
  give_lock();
#endif
  slept = true;
  d_step { asleep[me] = (word[who] == expected); expected = 0 }
  if
  :: !asleep[me]
  :: asleep[me] && slices[me] > 0 ->
     d_step { asleep[me] = false; slices[me]-- }
     look_for_dead(me)
  :: asleep[me] && ALL_DONE -> asleep[me] = false
  fi
}

inline look(who) {
#ifndef FAULT_LOOK
  if
  :: slept -> word[who] = word[who] | WAITING
  :: else
  fi
#endif
  skip
}

inline leave(who, counter) {
  if
  :: slept && counter > 0 -> add_wake(who)
  :: else
  fi
}

#ifdef FAULT_Z1
#define SAY_READY_EARLY d_step { slot[mine].state = READY; slot[mine].owner = NOBODY; accepted[message] = true }
#define SAY_READY skip
#else
#define SAY_READY_EARLY skip
#define SAY_READY d_step { slot[mine].state = READY; slot[mine].owner = NOBODY; accepted[message] = true }
#endif

// send_now, with the lock, which it gives back.
inline send_now(me) {
  mine = free_slots[free_count - 1];
  free_count--;
  SAY_READY_EARLY;
#ifdef LARGE
  count_in_hand(me, 1);
  d_step { slot[mine].state = WRITING; slot[mine].owner = me }
  give_lock();
  slot[mine].content = TORN;
  slot[mine].content = message;
  take_lock(me);
  count_in_hand(me, -1);
#else
  slot[mine].content = TORN;
  slot[mine].content = message;
#endif
  d_step { slot[mine].sequence = next_sequence; next_sequence++ }
  run_slots[(run_head + run_count) % SLOTS] = mine;
  run_count++;
  SAY_READY;
  ready++;
  mine = 0;
  add_wake(RECEIVING);
  leave(SENDING, free_count);
  give_lock()
}

#define FIRST_IN_HEAP \
  (heap_count > 1 && slot[heap[1]].sequence < slot[heap[0]].sequence -> 1 : 0)

// receive_now, with the lock, which it gives back.
inline receive_now(me) {
  d_step {
    at = FIRST_IN_HEAP;
    in_run = (run_count > 0 && (heap_count == 0 ||
              slot[run_slots[run_head]].sequence < slot[heap[at]].sequence));
    mine = (in_run -> run_slots[run_head] : heap[at]);
    assert(slot[mine].state == READY);
    i_ = 0;
    do  // it is the oldest that there is, also of those that a receiver had who was killed
    :: i_ < SLOTS ->
       assert(slot[i_].state != READY || slot[i_].sequence >= slot[mine].sequence);
       assert(slot[i_].state != READY || SENDERS > 1 || slot[i_].content >= slot[mine].content);
       i_++
    :: else -> break
    od;
    i_ = 0
  }
  if
  :: in_run ->
     run_head = (run_head + 1) % SLOTS;
     run_count--
  :: else ->
     heap_count--;
     heap[at] = heap[heap_count]
  fi;
  d_step { at = 0; in_run = false }
  ready--;
#ifdef LARGE
  count_in_hand(me, 1);
  d_step { slot[mine].state = TAKEN; slot[mine].owner = me }
  give_lock();
  got = slot[mine].content;
  take_lock(me);
  count_in_hand(me, -1);
#else
  got = slot[mine].content;
#endif
  d_step {  // with this store of the word it is delivered
    slot[mine].state = FREE;
    slot[mine].owner = NOBODY;
    assert(got != TORN);
    assert(accepted[got] && !delivered[got]);
    delivered[got] = true;
    got = 0
  }
  give_free(mine);
  mine = 0;
  add_wake(SENDING);
  leave(RECEIVING, ready);
  give_lock()
}

proctype Sender(byte me) {
  byte message, mine, expected, wakes, at, count, hold, dead, other, sent;
  bool slept;
  {
    do
    :: sent == M -> break
    :: else ->
       message = me * M + sent;
       take_lock(me);
       look(SENDING);
       if
       :: free_count > 0 -> send_now(me); sent++; slept = false
       :: else -> wait(me, SENDING)
       fi
    od;
    finished[me] = true
  } MORTAL_SENDER
}

proctype Receiver(byte me) {
  byte mine, expected, wakes, at, count, hold, dead, other, got;
  bool slept, in_run;
  {
    do
    :: ALL_DONE -> break
    :: else ->
       if
       :: in_hand > 0 && KILLS > 0 -> look_for_dead(me)
       :: true
       fi;
       take_lock(me);
       look(RECEIVING);
       if
       :: ready > 0 ->
          receive_now(me);
          slept = false;
          if
          :: me < MEMBERS - 1 -> break  // it does not call again
          :: true
          fi
       :: else -> wait(me, RECEIVING)
       fi
    od;
    finished[me] = true
  } MORTAL_RECEIVER
}

#if KILLS > 0
inline kill(member) {
  d_step {
    kills < KILLS && !GONE(member) ->
    killed[member] = true;
    asleep[member] = false;
    kills++;
    i_ = 0;
#ifndef FAULT_SLICE
    do
    :: i_ < MEMBERS -> slices[i_] = slices[i_] + !killed[i_]; i_++
    :: else -> break
    od;
    i_ = 0
#endif
  }
}

proctype Killer() {
  do
#ifdef VICTIM
  :: kill(VICTIM)
#else
  :: kill(0)
#if SENDERS > 1
  :: kill(SENDERS - 1)
#endif
#if RECEIVERS > 1
  :: kill(SENDERS)  // somebody has to be left who receives
#endif
#endif
  :: break
  od
}
#endif

init {
  atomic {
    i_ = 0;
    do
    :: i_ < SLOTS -> free_slots[i_] = SLOTS - 1 - i_; slot[i_].owner = NOBODY; i_++
    :: else -> break
    od;
    run Sender(0);
#if SENDERS > 1
    run Sender(1);
#endif
    run Receiver(SENDERS);
#if RECEIVERS > 1
    run Receiver(SENDERS + 1);
#endif
#if KILLS > 0
    run Killer()
#endif
  }
}
