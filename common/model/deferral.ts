/** What is said of work for which capacity is being sought (design §8.2): it waits, with a deadline, and has not failed. */
export const WAITS_FOR_OFFERS = 'waits for Mesos offers';

/** Whether a placement error says that the work waits, whatever else it says. */
export const isDeferral = (placementError: string): boolean => placementError.endsWith(WAITS_FOR_OFFERS);
