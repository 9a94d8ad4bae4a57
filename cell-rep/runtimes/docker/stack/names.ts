/** What applications from source ask for, and the image that stands for it. */
export const STACK = 'cflinuxfs4';
export const STACK_IMAGE = 'outcry-stack:latest';
