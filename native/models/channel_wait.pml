// How an end of channel.pml waits for the other, wakes it, and finds out that it is gone: waiting.cpp.
// Works on the locals of the process that it is used in: mine (its cursor), seen (the other's), word, got,
// ready, gone, announced, outcome.

// wake_peer and wake_peer_slowly; `how`: what force_attention adds, or that it is called directly.
inline wake(me, peer, how) {
  load(me, WORD(peer), RELAXED, word);  // W3
  if
  :: (word | (how)) & (SLEEPING | FENCES) ->
#ifndef FAULT_W2
     full_fence(me);  // W2
#endif
     load(me, WORD(peer), RELAXED, word);
     if
     :: word & SLEEPING ->
        d_step {
          word = LATEST(WORD(peer));
          change(me, WORD(peer), ACQ_REL, word & ~SLEEPING)
        }
#ifndef FAULT_WAKE
        if
        :: word & SLEEPING -> asleep[peer] = false
        :: else
        fi
#endif
     :: else
     fi
  :: else
  fi;
  word = 0
}

#ifdef FAULT_FORCE
#define FORCE(me) 0
#else
#define FORCE(me) (NO_BARRIER(me) -> FENCES : 0)
#endif

// Whether there is what the wait is for: `seen` is the other side's cursor as last loaded.
inline look(me) {
  if
  :: me == W ->
     load(W, CURSOR, T2, got);
     if
     :: got > seen -> seen = got
     :: else
     fi;
     if
     :: mine - seen < LIMIT
     :: else ->
        load(W, EXACT, E1, got);
        if
        :: got > seen -> seen = got
        :: else
        fi
     fi;
     ready = (mine - seen < LIMIT)
  :: else -> load(R, HEAD, R1, seen); ready = (seen > mine)
  fi;
  got = 0
}

inline look_at_flags(me, peer) {
  load(me, WORD(peer), G1, got);
  gone = ((got & (CLOSED | DEAD)) != 0);
  got = 0
}

// look_for_peer, after a slice.
inline ask_the_system(me, peer) {
  load(me, WORD(peer), ACQUIRE, word);
  if
  :: held[peer]
  :: else ->
     learn_all(me, peer);
     do
     :: word & (CLOSED | DEAD) -> break
     :: else ->
        d_step {
          got = word;
          word = LATEST(WORD(peer));
          if
#ifdef FAULT_EPOCH
          :: true -> change(me, WORD(peer), ACQ_REL, word | DEAD); word = DEAD
#else
          :: word == got -> change(me, WORD(peer), ACQ_REL, word | DEAD); word = DEAD
          :: word != got && EPOCH_OF(word) != EPOCH_OF(got) -> word = DEAD
#endif
          :: else
          fi;
          got = 0
        }
     od;
  fi;
  word = 0;
  look_at_flags(me, peer)
}

inline announce(me) {
  d_step {  // S1
    word = LATEST(WORD(me)) | SLEEPING;
    change(me, WORD(me), ACQ_REL, word)
  }
}

inline sleep_once(me, peer) {
#ifdef FAULT_ANNOUNCE
  look_at_flags(me, peer);
  if
  :: !gone -> look(me)
  :: else
  fi;
#endif
  load(me, WORD(me), ACQUIRE, word);
  if
  :: announced && word & SLEEPING
  :: else ->
     announced = true;
     announce(me);
#ifndef FAULT_S2
     barrier(me, peer, !NO_BARRIER(me) && !NO_BARRIER(peer))  // S2
#endif
  fi;
#ifndef FAULT_ANNOUNCE
  look_at_flags(me, peer);
  if
  :: !gone -> look(me)  // S3
  :: else
  fi;
#endif
  if
  :: gone || ready
  :: else ->
     d_step {  // S4
       asleep[me] = (LATEST(WORD(me)) == word);
       word = 0
     }
     if
     :: !asleep[me]
     :: asleep[me] && slices[me] > 0 ->
        d_step { asleep[me] = false; slices[me]-- }
        ask_the_system(me, peer)
     :: asleep[me] && interrupts > 0 ->  // the caller waits again
        d_step { asleep[me] = false; interrupts--; announced = false }
     fi
  fi;
  word = 0
}

// wait_for_peer.
inline wait(me, peer) {
  announced = false;
  outcome = 0;
  do
  :: outcome != 0 -> break
  :: else ->
     look(me);
     if
     :: ready -> outcome = READY
     :: else ->
        look_at_flags(me, peer);
        if
        :: !gone -> sleep_once(me, peer)
        :: else
        fi;
        if
        :: gone ->
#ifdef FAULT_LAST_LOOK
           outcome = GONE
#else
           look(me);  // I4
           outcome = (ready -> READY : GONE)
#endif
        :: else
        fi
     fi
  od;
  skip;
  d_step { ready = false; gone = false; announced = false }
}
