// What members of queue.pml do about those that were killed: queue_repair.cpp, and taking the lock over.

inline give_free(which) {
  free_slots[free_count] = which;
  free_count++
}

inline insert(which) {
  heap_count++;
  heap[heap_count - 1] = which
}

// queue_repair, after the lock was taken over.
inline repair(me, dead) {
  free_count = 0;
  run_head = 0;
  run_count = 0;
  heap_count = 0;
  at = 0;
  do
  :: at < MEMBERS -> hands[at] = 0; at++
  :: else -> break
  od;
  count = 0;
  hold = 0;
  at = SLOTS;
  do
  :: at == 0 -> break
  :: else ->
     at--;
#ifdef FAULT_OWNER
     if
     :: slot[at].state >= WRITING -> slot[at].state = (slot[at].state == TAKEN -> READY : FREE)
     :: else
     fi;
#endif
     if
     :: slot[at].state >= WRITING && slot[at].owner != dead ->
        hands[slot[at].owner]++;
        hold++
     :: else ->
        d_step {  // one store of the word
          slot[at].state = (slot[at].state == READY || slot[at].state == TAKEN -> READY : FREE);
#ifdef FAULT_TAKEN
          slot[at].state = (slot[at].owner == dead -> FREE : slot[at].state);
#endif
          slot[at].owner = NOBODY
        }
        if
        :: slot[at].state == FREE -> give_free(at)
        :: else -> insert(at); count++
        fi
     fi
  od;
  in_hand = hold;
  ready = count;
  d_step { at = 0; count = 0; hold = 0 }
  add_wake(RECEIVING);
  add_wake(SENDING);
  wake_all()
}

inline take_lock(me) {
  if
  :: d_step { lock == NOBODY -> lock = me; index_is_right() }
  :: d_step { lock != NOBODY && killed[lock] -> dead = lock; lock = me }
#ifndef FAULT_REPAIR
     repair(me, dead);
#endif
     d_step { dead = 0; index_is_right() }
  fi
}

inline give_lock() {
  lock = NOBODY;
  wake_all()
}

inline count_in_hand(me, change) {
  hands[me] = hands[me] + (change);
  in_hand = in_hand + (change)
}

// queue_look_for_dead, of one member; the others of a model have nothing in hand by themselves.
inline look_for_dead(me) {
#ifndef FAULT_LOOK_FOR_DEAD
  other = 0;
  do
  :: other == MEMBERS -> break
  :: else ->
     if
     :: in_hand > 0 && hands[other] > 0 && killed[other] ->
        take_lock(me);
        if
        :: hands[other] > 0 -> reclaim()
        :: else
        fi;
        give_lock()
     :: else
     fi;
     other++
  od;
  other = 0
#endif
  skip
}

// queue_reclaim.
inline reclaim() {
  at = 0;
  do
  :: at == SLOTS -> break
  :: else ->
     if
     :: slot[at].owner == other && slot[at].state == WRITING ->
        d_step { slot[at].state = FREE; slot[at].owner = NOBODY }
        give_free(at)
     :: slot[at].owner == other && slot[at].state == TAKEN ->
#ifdef FAULT_TAKEN
        d_step { slot[at].state = FREE; slot[at].owner = NOBODY }
        give_free(at)
#else
        d_step { slot[at].state = READY; slot[at].owner = NOBODY }
#ifdef FAULT_PLACE
        slot[at].sequence = next_sequence;
        next_sequence++;
#endif
        ready++;
        insert(at)
#endif
     :: else
     fi;
     at++
  od;
  at = 0;
  hands[other] = 0;
  in_hand = in_hand - (in_hand > 0);
  add_wake(RECEIVING);
  add_wake(SENDING);
  wake_all()
}
